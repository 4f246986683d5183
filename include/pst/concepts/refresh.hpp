// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>

#include "pst/concepts/role.hpp"

/// @defgroup refresh Mask refresh
/// In which steps the mask moves. In the others `begin_step` brings the compressed weight up to date alone.
namespace pst {

/// `refreshes(progress, step)` says whether the mask moves in the `step`-th step (from 0) of a layer.
template <class P>
concept SaysWhenToRefresh = requires(const P& policy, double progress, std::uint64_t step) {
  { policy.refreshes(progress, step) } -> std::same_as<bool>;
};

/// A refresh policy: plain data and one function. The first step always refreshes.
template <class P>
concept RefreshPolicy = std::semiregular<P> && PlaysRole<P, roles::refresh> && SaysWhenToRefresh<P>;

}  // namespace pst
