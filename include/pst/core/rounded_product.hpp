// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/core/config.hpp"

namespace pst::PST_ABI {

/// a * b rounded to double, never fused with an addition that follows: compilers may fuse across statements, but not
/// across a call. One unit in the last place of a sparsity can move the number of pruned weights by one.
[[nodiscard, gnu::noinline]] constexpr double rounded_product(double a, double b) noexcept { return a * b; }

}  // namespace pst::PST_ABI
