// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/concepts/schedule.hpp"
#include "pst/core/rounded_product.hpp"

namespace pst::PST_ABI {

/// Sparsity rises fast at first and ever slower: with w = warmup, c = cooldown and p = progress,
/// s_f + (s_i - s_f) (1 - (p - w) / (1 - w - c))^3 between w and 1 - c, and constant outside.
///
/// From Zhu and Gupta, "To prune, or not to prune" (2017); the defaults are those of PST.
/// @ingroup schedule
struct CubicSchedule {
  using role = roles::schedule;
  double initial_sparsity = 0.0;
  double final_sparsity = 0.9;
  double warmup = 0.1;    ///< fraction of the run at the initial sparsity
  double cooldown = 0.3;  ///< fraction of the run at the final sparsity

  /// The arithmetic of the reference, operation by operation: `sparsity_at(t, T)` has its bits.
  [[nodiscard]] constexpr double sparsity_at(double step, double steps = 1.0) const noexcept {
    if (step <= rounded_product(warmup, steps)) return initial_sparsity;
    if (step > steps - rounded_product(cooldown, steps)) return final_sparsity;
    const double done = step - rounded_product(warmup, steps);
    const double left = 1.0 - done / (steps - rounded_product(warmup + cooldown, steps));
    return final_sparsity + rounded_product(initial_sparsity - final_sparsity, left * left * left);
  }
};
static_assert(SparsitySchedule<CubicSchedule>);
static_assert(CubicSchedule{}.sparsity_at(0.1) == 0.0 && CubicSchedule{}.sparsity_at(1.0) == 0.9);

}  // namespace pst::PST_ABI
