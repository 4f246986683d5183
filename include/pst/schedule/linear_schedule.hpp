// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/concepts/schedule.hpp"
#include "pst/core/rounded_product.hpp"
#include "pst/schedule/check_sparsity.hpp"

namespace pst::PST_ABI {

/// Sparsity rises on a straight line from the first step to the last.
/// @ingroup schedule
struct LinearSchedule {
  using role = roles::schedule;
  double initial_sparsity = 0.0;
  double final_sparsity = 0.9;

  [[nodiscard]] constexpr double sparsity_at(double step, double steps = 1.0) const noexcept {
    if (step >= steps) return final_sparsity;
    return initial_sparsity + rounded_product(final_sparsity - initial_sparsity, step / steps);
  }
  /// Throws Error when a sparsity is outside of [0, 1).
  void check() const {
    detail::check_sparsity("LinearSchedule.initial_sparsity", initial_sparsity);
    detail::check_sparsity("LinearSchedule.final_sparsity", final_sparsity);
  }
};
static_assert(SparsitySchedule<LinearSchedule>);
static_assert(LinearSchedule{.final_sparsity = 0.5}.sparsity_at(0.5) == 0.25);

}  // namespace pst::PST_ABI
