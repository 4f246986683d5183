// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "pst/any/linear.hpp"

namespace pst::PST_ABI {

/// A layer that trains the kept weights of another, whose mask rests, and nothing else of it: a KeptLinear of the same
/// name, whose kept weights are what `resting.export_masked` writes, in every bit. The other layer, with its factors,
/// scores and the weight that it borrowed, is not needed any more. `bias` is the one that `resting` borrows, and trains
/// if it does there.
///
/// In a set it takes the place of the other: `set.at("query") = train_kept(set.at("query"), bias, on)`, with the
/// threads and scratch memory `on` that the set was made with; then parameters and layout are to be asked for again,
/// and bound.
///
/// Its one parameter besides a trained bias is called "weight.kept". Throws Error when `resting` has no mask or was not
/// refreshed, keeps nothing, or adds another bias than the one that is given.
/// @ingroup any
template <class Scalar>
[[nodiscard]] AnyLinear<Scalar> train_kept(AnyLinear<Scalar>& resting, LentBias<Scalar> bias, const SharedCpu& on = {});
template <>
AnyLinear<float> train_kept(AnyLinear<float>& resting, LentBias<float> bias, const SharedCpu& on);
template <>
AnyLinear<double> train_kept(AnyLinear<double>& resting, LentBias<double> bias, const SharedCpu& on);

/// Whether a state was saved by a layer of `train_kept`.
/// @ingroup any
[[nodiscard]] bool is_of_kept(const TensorList& state);
/// The layer of `train_kept` that saved `state`, under any name. A bias that trains gets the values of the state; one
/// that rests is not in it. Throws Error when `state` is not of `shape`.
/// @ingroup any
template <class Scalar>
[[nodiscard]] AnyLinear<Scalar> restore_kept(const std::string& name, Shape shape, const TensorList& state,
                                             LentBias<Scalar> bias, const SharedCpu& on = {});
template <>
AnyLinear<float> restore_kept(const std::string& name, Shape shape, const TensorList& state, LentBias<float> bias,
                              const SharedCpu& on);
template <>
AnyLinear<double> restore_kept(const std::string& name, Shape shape, const TensorList& state, LentBias<double> bias,
                               const SharedCpu& on);

}  // namespace pst::PST_ABI
