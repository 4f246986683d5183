// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>

#include "pst/concepts/role.hpp"

/// @defgroup schedule Sparsity schedules
/// Which fraction of the weights is pruned at which point of the run.
namespace pst::PST_ABI {

/// `sparsity_at(step, steps)` gives the fraction of zeros at `step` of 0 ... steps.
template <class S>
concept GivesSparsity = requires(const S& schedule, double step, double steps) {
  { schedule.sparsity_at(step, steps) } -> std::same_as<double>;
};

/// A sparsity schedule: plain data and one function. One with more numbers than its last sparsity may also have a
/// `check()` that throws Error when they mean nothing: a layer calls it when it is made.
template <class S>
concept SparsitySchedule = std::semiregular<S> && PlaysRole<S, roles::schedule> && GivesSparsity<S>;

}  // namespace pst::PST_ABI
