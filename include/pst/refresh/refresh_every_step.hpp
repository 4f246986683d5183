// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/concepts/refresh.hpp"

namespace pst::PST_ABI {

/// The mask moves in every step, as published.
/// @ingroup refresh
struct RefreshEveryStep {
  using role = roles::refresh;

  [[nodiscard]] constexpr bool refreshes(double /*progress*/, std::uint64_t /*step*/) const noexcept { return true; }
  [[nodiscard]] constexpr bool moves_between_steps(double /*progress*/) const noexcept { return true; }
};
static_assert(RefreshPolicy<RefreshEveryStep>);

}  // namespace pst::PST_ABI
