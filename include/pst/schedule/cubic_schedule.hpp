// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/concepts/schedule.hpp"
#include "pst/core/error.hpp"
#include "pst/core/rounded_product.hpp"
#include "pst/schedule/check_sparsity.hpp"

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
    if (steps - rounded_product(warmup + cooldown, steps) <= 0) return final_sparsity;  // nothing lies between
    const double done = step - rounded_product(warmup, steps);
    const double left = 1.0 - done / (steps - rounded_product(warmup + cooldown, steps));
    return final_sparsity + rounded_product(initial_sparsity - final_sparsity, left * left * left);
  }
  /// Throws Error when a sparsity is outside of [0, 1), or when warm-up and cool-down are more than the run.
  void check() const {
    detail::check_sparsity("CubicSchedule.initial_sparsity", initial_sparsity);
    detail::check_sparsity("CubicSchedule.final_sparsity", final_sparsity);
    require(warmup >= 0 && cooldown >= 0 && warmup + cooldown <= 1, "CubicSchedule.warmup is ", warmup,
            " and cooldown is ", cooldown, ", expected fractions of the run that are together at most 1");
  }
};
static_assert(SparsitySchedule<CubicSchedule>);
static_assert(CubicSchedule{}.sparsity_at(0.1) == 0.0 && CubicSchedule{}.sparsity_at(1.0) == 0.9);

}  // namespace pst::PST_ABI
