// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>

#include "pst/concepts/rank.hpp"
#include "pst/concepts/scalar.hpp"
#include "pst/concepts/start.hpp"

namespace pst::PST_ABI {

/// What `SparseLinear::with<P>` accepts: a policy for one of the slots, a rank or a start of factors, or
/// float or double.
template <class P, class... Current>
concept ReplacesAPolicy = FloatOrDouble<P> || RankPolicy<P> || FactorStart<P> ||
    (std::same_as<typename P::role, typename Current::role> || ...);

namespace detail {
/// `P` where it plays the role of `Current`; otherwise `Current`, with another rank or start of its factors
/// if `P` is one.
template <class P, class Current>
struct SwapIn {
  using type = Current;
};
template <class P, class Current>
requires std::same_as<typename P::role, typename Current::role>
struct SwapIn<P, Current> {
  using type = P;
};
template <RankPolicy P, class Current>
struct SwapIn<P, Current> {
  using type = with_rank_t<Current, P>;
};
template <FactorStart P, class Current>
struct SwapIn<P, Current> {
  using type = with_start_t<Current, P>;
};
template <class P, class Current>
using swap_in = typename SwapIn<P, Current>::type;
}  // namespace detail

}  // namespace pst::PST_ABI
