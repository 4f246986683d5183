// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "pst/any/implementation/changed.hpp"
#include "pst/any/implementation/kept.hpp"
#include "pst/any/implementation/make_linear.hpp"

// Layers of float. A part of any/implementation.hpp, to be compiled alone where that takes too long.

namespace pst::PST_ABI {

template <>
AnyLinear<float> make_linear<float>(const LinearSpec& spec, Shape shape, const SharedCpu& on) {
  return detail::make_any<float>(spec, shape, on);
}

template <>
AnyLinear<float> train_kept(AnyLinear<float>& resting, LentBias<float> bias, const SharedCpu& on) {
  return detail::kept_of(resting, bias, on);
}
template <>
AnyLinear<float> restore_kept(const std::string& name, Shape shape, const TensorList& state, LentBias<float> bias,
                              const SharedCpu& on) {
  return detail::kept_from(name, shape, state, bias, on);
}
bool is_of_kept(const TensorList& state) {
  return std::any_of(state.begin(), state.end(), [](const Tensor& tensor) { return tensor.name == "weight.kept"; });
}

template <>
std::vector<Places> largest_changes(std::span<AnyLinear<float>* const> gated, double share) {
  return detail::largest_of(gated, share);
}
template <>
AnyLinear<float> train_changes(AnyLinear<float>& gated, const Places& places, LentWeight<float> weight,
                               LentBias<float> bias, const SharedCpu& on) {
  return detail::changed_of(gated, places, weight, bias, on);
}
template <>
AnyLinear<float> restore_changes(const std::string& name, Shape shape, const TensorList& state,
                                 LentWeight<float> weight, LentBias<float> bias, const SharedCpu& on) {
  return detail::changed_from(name, shape, state, weight, bias, on);
}
bool is_of_changes(const TensorList& state) {
  return std::any_of(state.begin(), state.end(), [](const Tensor& tensor) { return tensor.name == "places"; });
}
Places places_of(const TensorList& state, Shape shape) { return {shape, detail::words_in(state, "places", shape, "")}; }

SharedCpu share_cpu(int threads) {
  require(threads >= 0 && threads <= 4096, "threads is ", threads, ", expected 0 (all) to 4096");
  return SharedCpu{threads > 0 ? EigenCpu{threads} : EigenCpu{}};
}

}  // namespace pst::PST_ABI
