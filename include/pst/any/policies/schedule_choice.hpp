// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <variant>

#include "pst/concepts/schedule.hpp"
#include "pst/schedule/constant_schedule.hpp"
#include "pst/schedule/cubic_schedule.hpp"
#include "pst/schedule/linear_schedule.hpp"

namespace pst::PST_ABI {

/// One of the library's sparsity schedules, chosen at run time.
/// @ingroup schedule
struct ScheduleChoice {
  using role = roles::schedule;
  std::variant<CubicSchedule, LinearSchedule, ConstantSchedule> policy{};

  [[nodiscard]] constexpr double sparsity_at(double step, double steps = 1.0) const {
    return std::visit([&](const auto& chosen) { return chosen.sparsity_at(step, steps); }, policy);
  }
};
static_assert(SparsitySchedule<ScheduleChoice>);
static_assert(ScheduleChoice{ConstantSchedule{.sparsity = 0.5}}.sparsity_at(0.0) == 0.5);

}  // namespace pst::PST_ABI
