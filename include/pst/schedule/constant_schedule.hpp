// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/concepts/schedule.hpp"

namespace pst::PST_ABI {

/// The same sparsity from the first step to the last. The plainest policy of its axis.
/// @ingroup schedule
struct ConstantSchedule {
  using role = roles::schedule;
  double sparsity = 0.9;

  [[nodiscard]] constexpr double sparsity_at(double /*step*/, double /*steps*/ = 1.0) const noexcept {
    return sparsity;
  }
};
static_assert(SparsitySchedule<ConstantSchedule>);

}  // namespace pst::PST_ABI
