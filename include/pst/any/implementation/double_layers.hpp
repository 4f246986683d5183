// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "pst/any/implementation/changed.hpp"
#include "pst/any/implementation/kept.hpp"
#include "pst/any/implementation/make_linear.hpp"

// Layers of double. A part of any/implementation.hpp, to be compiled alone where that takes too long.

namespace pst::PST_ABI {

template <>
AnyLinear<double> make_linear<double>(const LinearSpec& spec, Shape shape, const SharedCpu& on) {
  return detail::make_any<double>(spec, shape, on);
}
template <>
AnyLinear<double> train_kept(AnyLinear<double>& resting, LentBias<double> bias, const SharedCpu& on) {
  return detail::kept_of(resting, bias, on);
}
template <>
AnyLinear<double> restore_kept(const std::string& name, Shape shape, const TensorList& state, LentBias<double> bias,
                               const SharedCpu& on) {
  return detail::kept_from(name, shape, state, bias, on);
}
template <>
std::vector<Places> largest_changes(std::span<AnyLinear<double>* const> gated, double share) {
  return detail::largest_of(gated, share);
}
template <>
AnyLinear<double> train_changes(AnyLinear<double>& gated, const Places& places, LentWeight<double> weight,
                                LentBias<double> bias, const SharedCpu& on) {
  return detail::changed_of(gated, places, weight, bias, on);
}
template <>
AnyLinear<double> restore_changes(const std::string& name, Shape shape, const TensorList& state,
                                  LentWeight<double> weight, LentBias<double> bias, const SharedCpu& on) {
  return detail::changed_from(name, shape, state, weight, bias, on);
}

}  // namespace pst::PST_ABI
