// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pst/any/kept.hpp"
#include "pst/any/kept_linear_of.hpp"
#include "pst/backend/eigen_cpu.hpp"
#include "pst/bias/frozen_bias.hpp"
#include "pst/bias/trained_bias.hpp"
#include "pst/layer/kept_linear.hpp"

// How the layers of any/kept.hpp are made. A part of any/implementation.hpp.

namespace pst::PST_ABI::detail {

/// A layer of the weights that a mask keeps, which `fill` is shown with all of them 0.
template <class Bias, class Scalar, class Fill>
[[nodiscard]] AnyLinear<Scalar> made_kept(const std::string& name, MaskView<const mask_word> mask,
                                          LentBias<Scalar> bias, const SharedCpu& on, Fill&& fill) {
  using Layer = KeptLinear<Scalar, Bias>;
  Layer layer{{.in = mask.cols, .out = mask.rows}, {.name = name}, on.backend_or<EigenCpu>([] { return EigenCpu{}; })};
  layer.attach(mask, KeptLinearOf<Layer>::bias_of(bias));
  fill(layer);
  return AnyLinear<Scalar>{std::make_unique<KeptLinearOf<Layer>>(std::move(layer))};
}
/// What `make` gives for a bias that rests or trains.
template <class Scalar, class Make>
[[nodiscard]] AnyLinear<Scalar> with_bias(const std::string& name, bool trains, LentBias<Scalar> bias, Make&& make) {
  if (!trains) return make(FrozenBias{});
  require(!bias.empty(), "layer ", name, ": its bias trains, but none is given: give the one that was attached");
  require(bias.variable().data != nullptr, "layer ", name,
          ": the bias trains in place, but a constant one is given: give a view of variables");
  return make(TrainedBias{});
}
template <class Scalar, class Fill>
[[nodiscard]] AnyLinear<Scalar> any_kept(const std::string& name, MaskView<const mask_word> mask, bool trains_bias,
                                         LentBias<Scalar> bias, const SharedCpu& on, Fill&& fill) {
  return with_bias<Scalar>(name, trains_bias, bias,
                           [&]<class Bias>(Bias) { return made_kept<Bias>(name, mask, bias, on, fill); });
}
/// Whether the bias of a layer trains.
template <class Scalar>
[[nodiscard]] bool trains_bias(const AnyLinear<Scalar>& layer) {
  return std::ranges::any_of(layer.layout().entries,
                             [](const ParameterEntry& each) { return each.group == ParameterGroup::bias; });
}
/// Whether the bias trained in the layer that saved a state.
[[nodiscard]] inline bool saves_bias(const TensorList& state) {
  return std::ranges::any_of(state, [](const Tensor& each) { return each.name == "bias"; });
}
/// The words of a mask of `shape` in a state.
[[nodiscard]] inline std::vector<mask_word> words_in(const TensorList& state, const char* name, Shape shape,
                                                     const std::string& owner) {
  const Tensor& mask = find(state, name);
  const index_t words = MaskView<mask_word>::words_for(shape.in);
  require(mask.dtype == dtype_of<mask_word> && mask.shape == std::vector<index_t>{shape.out, words}, owner, "tensor ",
          name, " does not fit, expected ", shape.out, " x ", words, " words of 64 bits");
  return mask.values<mask_word>();
}

/// Throws unless `bias` is what a refreshed layer adds: of a token that is zero it gives the bias. A weight that is not
/// finite is refused later.
template <class Scalar>
void check_same_bias(AnyLinear<Scalar>& layer, LentBias<Scalar> bias) {
  const Shape shape = layer.shape();
  const std::vector<Scalar> zero(static_cast<std::size_t>(shape.in));
  std::vector<Scalar> added(static_cast<std::size_t>(shape.out));
  layer.forward({zero.data(), 1, shape.in}, {added.data(), 1, shape.out});
  const MatrixView<const Scalar> given = bias.constant();
  const bool fits = bias.empty() || (given.rows == 1 && given.cols == shape.out);
  for (index_t c = 0; fits && c < shape.out; ++c) {
    const Scalar found = added[static_cast<std::size_t>(c)], expected = bias.empty() ? Scalar{0} : given(0, c);
    require(found == expected || !is_finite(found), "layer ", layer.name(), ": it adds ", found, " to output ", c,
            bias.empty() ? ", and no bias is given" : ", the bias that is given has another number",
            ": give the bias that was attached");
  }
}

template <class Scalar>
[[nodiscard]] AnyLinear<Scalar> kept_of(AnyLinear<Scalar>& resting, LentBias<Scalar> bias, const SharedCpu& on) {
  const Shape shape = resting.shape();
  require(resting.mask().words != nullptr, "layer ", resting.name(), ": has no mask whose weights could train alone");
  std::vector<Scalar> dense(static_cast<std::size_t>(shape.size()));
  resting.export_masked({dense.data(), shape.out, shape.in});
  check_same_bias(resting, bias);
  return any_kept(resting.name(), resting.mask(), trains_bias(resting), bias, on, [&](auto& layer) {
    layer.fill({dense.data(), shape.out, shape.in});
  });
}

template <class Scalar>
[[nodiscard]] AnyLinear<Scalar> kept_from(const std::string& name, Shape shape, const TensorList& state,
                                          LentBias<Scalar> bias, const SharedCpu& on) {
  const std::vector<mask_word> values = words_in(state, "mask", shape, "layer " + name + ": ");
  return any_kept(name, {values.data(), shape.out, shape.in}, saves_bias(state), bias, on,
                  [&](auto& layer) { layer.restore(state); });
}

}  // namespace pst::PST_ABI::detail
