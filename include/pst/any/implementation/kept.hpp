// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pst/any/kept.hpp"
#include "pst/any/kept_linear_of.hpp"
#include "pst/backend/eigen_cpu.hpp"
#include "pst/layer/kept_linear.hpp"

// How the layers of any/kept.hpp are made. A part of any/implementation.hpp.

namespace pst::PST_ABI::detail {

/// A layer of the weights that a mask keeps, all of them 0.
template <class Scalar>
[[nodiscard]] KeptLinear<Scalar> empty_kept(const std::string& name, MaskView<const mask_word> mask,
                                            LentBias<Scalar> bias, const SharedCpu& on) {
  require(bias.empty() || bias.variable().data != nullptr, "layer ", name,
          ": the bias trains in place, but a constant one is given: give a view of variables");
  KeptLinear<Scalar> layer{
      {.in = mask.cols, .out = mask.rows}, {.name = name}, on.backend_or<EigenCpu>([] { return EigenCpu{}; })};
  layer.attach(mask, bias.variable());
  return layer;
}
template <class Scalar>
[[nodiscard]] AnyLinear<Scalar> any_kept(KeptLinear<Scalar> layer) {
  return AnyLinear<Scalar>{std::make_unique<KeptLinearOf<KeptLinear<Scalar>>>(std::move(layer))};
}

template <class Scalar>
[[nodiscard]] AnyLinear<Scalar> kept_of(AnyLinear<Scalar>& resting, LentBias<Scalar> bias, const SharedCpu& on) {
  const Shape shape = resting.shape();
  require(resting.mask().words != nullptr, "layer ", resting.name(), ": has no mask whose weights could train alone");
  std::vector<Scalar> dense(static_cast<std::size_t>(shape.size()));
  resting.export_masked({dense.data(), shape.out, shape.in});
  KeptLinear<Scalar> layer = empty_kept<Scalar>(resting.name(), resting.mask(), bias, on);
  layer.fill({dense.data(), shape.out, shape.in});
  return any_kept(std::move(layer));
}

template <class Scalar>
[[nodiscard]] AnyLinear<Scalar> kept_from(const std::string& name, Shape shape, const TensorList& state,
                                          LentBias<Scalar> bias, const SharedCpu& on) {
  const Tensor& mask = find(state, "mask");
  const index_t words = MaskView<mask_word>::words_for(shape.in);
  require(mask.dtype == dtype_of<mask_word> && mask.shape == std::vector<index_t>{shape.out, words}, "layer ", name,
          ": tensor mask does not fit, expected ", shape.out, " x ", words, " words of 64 bits");
  const std::vector<mask_word> values = mask.values<mask_word>();
  KeptLinear<Scalar> layer = empty_kept<Scalar>(name, {values.data(), shape.out, shape.in}, bias, on);
  layer.restore(state);
  return any_kept(std::move(layer));
}

}  // namespace pst::PST_ABI::detail
