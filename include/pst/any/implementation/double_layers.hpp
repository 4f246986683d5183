// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

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

}  // namespace pst::PST_ABI
