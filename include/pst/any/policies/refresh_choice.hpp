// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <variant>

#include "pst/concepts/refresh.hpp"
#include "pst/refresh/refresh_every_kth_step.hpp"
#include "pst/refresh/refresh_every_step.hpp"
#include "pst/refresh/refresh_until.hpp"

namespace pst::PST_ABI {

/// One of the library's refresh policies, chosen at run time.
/// @ingroup refresh
struct RefreshChoice {
  using role = roles::refresh;
  std::variant<RefreshEveryStep, RefreshEveryKthStep, RefreshUntil> policy{};

  [[nodiscard]] constexpr bool refreshes(double progress, std::uint64_t step) const {
    return std::visit([&](const auto& chosen) { return chosen.refreshes(progress, step); }, policy);
  }
  [[nodiscard]] constexpr bool moves_between_steps(double progress) const {
    return std::visit([&](const auto& chosen) { return chosen.moves_between_steps(progress); }, policy);
  }
};
static_assert(RefreshPolicy<RefreshChoice>);
static_assert(!RefreshChoice{RefreshEveryKthStep{.interval = 2}}.refreshes(0.5, 1));

}  // namespace pst::PST_ABI
