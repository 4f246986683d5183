// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/concepts/refresh.hpp"

namespace pst::PST_ABI {

/// The mask moves in one step of `interval`, and in the last (a progress of 1).
/// @ingroup refresh
struct RefreshEveryKthStep {
  using role = roles::refresh;
  std::uint64_t interval = 10;

  [[nodiscard]] constexpr bool refreshes(double progress, std::uint64_t step) const noexcept {
    return interval == 0 || step % interval == 0 || progress >= 1;
  }
  [[nodiscard]] constexpr bool moves_between_steps(double progress) const noexcept {
    return interval <= 1 || progress >= 1;
  }
};
static_assert(RefreshPolicy<RefreshEveryKthStep>);

}  // namespace pst::PST_ABI
