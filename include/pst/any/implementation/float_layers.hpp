// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/any/implementation/make_linear.hpp"

// Layers of float. A part of any/implementation.hpp, to be compiled alone where that takes too long.

namespace pst::PST_ABI {

template <>
AnyLinear<float> make_linear<float>(const LinearSpec& spec, Shape shape, const SharedCpu& on) {
  return detail::make_any<float>(spec, shape, on);
}

SharedCpu share_cpu(int threads) { return SharedCpu{threads > 0 ? EigenCpu{threads} : EigenCpu{}}; }

}  // namespace pst::PST_ABI
