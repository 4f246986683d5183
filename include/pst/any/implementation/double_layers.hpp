// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/any/implementation/make_linear.hpp"

// Layers of double. A part of any/implementation.hpp, to be compiled alone where that takes too long.

namespace pst::PST_ABI {

template <>
AnyLinear<double> make_linear<double>(const LinearSpec& spec, Shape shape, const SharedCpu& on) {
  return detail::make_any<double>(spec, shape, on);
}

}  // namespace pst::PST_ABI
