// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/concepts/refresh.hpp"

namespace pst::PST_ABI {

/// The mask moves in every step until a progress of `progress`, and stays from then on, with the sparsity that the
/// schedule asked for then: the schedule should have come to its end by then.
/// @ingroup refresh
struct RefreshUntil {
  using role = roles::refresh;
  double progress = 0.7;

  [[nodiscard]] constexpr bool refreshes(double now, std::uint64_t /*step*/) const noexcept { return now <= progress; }
  [[nodiscard]] constexpr bool moves_between_steps(double /*now*/) const noexcept { return false; }
};
static_assert(RefreshPolicy<RefreshUntil>);

}  // namespace pst::PST_ABI
