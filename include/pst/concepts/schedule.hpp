// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>

#include "pst/concepts/role.hpp"

/// @defgroup schedule Sparsity schedules
/// Which fraction of the weights is pruned at which point of the run.
namespace pst {

/// `sparsity_at(progress)` gives the fraction of zeros, progress running from 0 to 1.
template <class S>
concept GivesSparsity = requires(const S& schedule, double progress) {
  { schedule.sparsity_at(progress) } -> std::same_as<double>;
};

/// A sparsity schedule: plain data and one function.
template <class S>
concept SparsitySchedule = std::semiregular<S> && PlaysRole<S, roles::schedule> && GivesSparsity<S>;

}  // namespace pst
