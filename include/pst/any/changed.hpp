// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "pst/any/linear.hpp"

namespace pst::PST_ABI {

/// The places of a weight (out x in) whose numbers change.
/// @ingroup any
struct Places {
  Shape shape;
  std::vector<mask_word> words;

  [[nodiscard]] MaskView<const mask_word> mask() const noexcept { return {words.data(), shape.out, shape.in}; }
};

/// The places of the largest abs(W~ - W0) of some layers together, as their gates are outside of steps: so large a
/// share of all their numbers, exactly, and at least one. What is taken of equal numbers is as in `keep_largest`
/// (layer/keep_largest.hpp); a layer may have none. The layers are of method "diff" or another whose delta is "gated".
/// Throws Error on others, on NaN and Inf, and on a share that is not above 0 and at most 1.
/// @ingroup any
template <class Scalar>
[[nodiscard]] std::vector<Places> largest_changes(std::span<AnyLinear<Scalar>* const> gated, double share = 0.005);
template <>
std::vector<Places> largest_changes(std::span<AnyLinear<float>* const> gated, double share);
template <>
std::vector<Places> largest_changes(std::span<AnyLinear<double>* const> gated, double share);

/// A layer that trains what a gated one changes at some places, and nothing else of it: a ChangedLinear of the same
/// name, whose D begins as z .* w there, so that it computes with the numbers of `gated` at the places and with W0
/// elsewhere. `weight` and `bias` are those that `gated` borrows; the bias trains if it does there.
///
/// Its one parameter besides a trained bias is called "delta.kept"; where there are no places there is none.
/// @ingroup any
template <class Scalar>
[[nodiscard]] AnyLinear<Scalar> train_changes(AnyLinear<Scalar>& gated, const Places& places, LentWeight<Scalar> weight,
                                              LentBias<Scalar> bias, const SharedCpu& on = {});
template <>
AnyLinear<float> train_changes(AnyLinear<float>& gated, const Places& places, LentWeight<float> weight,
                               LentBias<float> bias, const SharedCpu& on);
template <>
AnyLinear<double> train_changes(AnyLinear<double>& gated, const Places& places, LentWeight<double> weight,
                                LentBias<double> bias, const SharedCpu& on);

/// Whether a state was saved by a layer of `train_changes`.
/// @ingroup any
[[nodiscard]] bool is_of_changes(const TensorList& state);
/// The places of such a state. Throws Error when it is not of `shape`.
/// @ingroup any
[[nodiscard]] Places places_of(const TensorList& state, Shape shape);
/// The layer of `train_changes` that saved `state`, under any name. Throws Error when `state` is not of `shape`.
/// @ingroup any
template <class Scalar>
[[nodiscard]] AnyLinear<Scalar> restore_changes(const std::string& name, Shape shape, const TensorList& state,
                                                LentWeight<Scalar> weight, LentBias<Scalar> bias,
                                                const SharedCpu& on = {});
template <>
AnyLinear<float> restore_changes(const std::string& name, Shape shape, const TensorList& state,
                                 LentWeight<float> weight, LentBias<float> bias, const SharedCpu& on);
template <>
AnyLinear<double> restore_changes(const std::string& name, Shape shape, const TensorList& state,
                                  LentWeight<double> weight, LentBias<double> bias, const SharedCpu& on);

}  // namespace pst::PST_ABI
