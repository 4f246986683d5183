// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>

#include "pst/concepts/role.hpp"

/// @defgroup refresh Mask refresh
/// In which steps the mask moves. In the others `begin_step` brings W' up to date with the parameters alone.
namespace pst::PST_ABI {

/// `refreshes(progress, step)` says whether the mask moves in the `step`-th step (from 0) of a run.
template <class P>
concept SaysWhenToRefresh = requires(const P& policy, double progress, std::uint64_t step) {
  { policy.refreshes(progress, step) } -> std::same_as<bool>;
};

/// `moves_between_steps(progress)` says whether the mask moves when a layer is refreshed outside of a step, as for an
/// evaluation: only where no later step would see a difference.
template <class P>
concept SaysWhetherMasksMoveBetweenSteps = requires(const P& policy, double progress) {
  { policy.moves_between_steps(progress) } -> std::same_as<bool>;
};

/// A refresh policy: plain data and two functions. The first refresh of a layer always makes a mask.
template <class P>
concept RefreshPolicy =
    std::semiregular<P> && PlaysRole<P, roles::refresh> && SaysWhenToRefresh<P> && SaysWhetherMasksMoveBetweenSteps<P>;

}  // namespace pst::PST_ABI
