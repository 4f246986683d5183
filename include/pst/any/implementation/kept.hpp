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
template <class Scalar, class Fill>
[[nodiscard]] AnyLinear<Scalar> any_kept(const std::string& name, MaskView<const mask_word> mask, bool trains_bias,
                                         LentBias<Scalar> bias, const SharedCpu& on, Fill&& fill) {
  if (!trains_bias) return made_kept<FrozenBias>(name, mask, bias, on, fill);
  require(bias.empty() || bias.variable().data != nullptr, "layer ", name,
          ": the bias trains in place, but a constant one is given: give a view of variables");
  return made_kept<TrainedBias>(name, mask, bias, on, fill);
}

template <class Scalar>
[[nodiscard]] AnyLinear<Scalar> kept_of(AnyLinear<Scalar>& resting, LentBias<Scalar> bias, const SharedCpu& on) {
  const Shape shape = resting.shape();
  require(resting.mask().words != nullptr, "layer ", resting.name(), ": has no mask whose weights could train alone");
  std::vector<Scalar> dense(static_cast<std::size_t>(shape.size()));
  resting.export_masked({dense.data(), shape.out, shape.in});
  const bool trains_bias = std::ranges::any_of(
      resting.layout().entries, [](const ParameterEntry& each) { return each.group == ParameterGroup::bias; });
  return any_kept(resting.name(), resting.mask(), trains_bias, bias, on, [&](auto& layer) {
    layer.fill({dense.data(), shape.out, shape.in});
  });
}

template <class Scalar>
[[nodiscard]] AnyLinear<Scalar> kept_from(const std::string& name, Shape shape, const TensorList& state,
                                          LentBias<Scalar> bias, const SharedCpu& on) {
  const Tensor& mask = find(state, "mask");
  const index_t words = MaskView<mask_word>::words_for(shape.in);
  require(mask.dtype == dtype_of<mask_word> && mask.shape == std::vector<index_t>{shape.out, words}, "layer ", name,
          ": tensor mask does not fit, expected ", shape.out, " x ", words, " words of 64 bits");
  const std::vector<mask_word> values = mask.values<mask_word>();
  const bool trains_bias = std::ranges::any_of(state, [](const Tensor& each) { return each.name == "bias"; });
  return any_kept(name, {values.data(), shape.out, shape.in}, trains_bias, bias, on,
                  [&](auto& layer) { layer.restore(state); });
}

}  // namespace pst::PST_ABI::detail
