// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>

#include "pst/concepts/role.hpp"
#include "pst/core/matrix.hpp"

/// @defgroup rank Decomposition rank
/// How many columns the factors of a low-rank product have: for scores (A B) and deltas (U V) alike.
namespace pst::PST_ABI {

/// `choose(backend, weight)` gives the rank for one weight, at least 1.
template <class R, class B, class Scalar>
concept ChoosesRank = requires(const R& rank, B& on, ViewOn<B, const Scalar> weight) {
  { rank.choose(on, weight) } -> std::same_as<index_t>;
};

/// A policy in the role of a rank; what it can do is checked where it is used.
template <class R>
concept RankPolicy = std::semiregular<R> && PlaysRole<R, roles::rank>;

namespace detail {
template <class Policy, class RankChoice>
struct WithRank {
  using type = Policy;
};
template <class Policy, class RankChoice>
requires requires { typename Policy::template with_rank<RankChoice>; }
struct WithRank<Policy, RankChoice> {
  using type = typename Policy::template with_rank<RankChoice>;
};
}  // namespace detail

/// The policy with another rank, where it has one (`with_rank<R>`); otherwise the policy itself.
template <class Policy, class RankChoice>
using with_rank_t = typename detail::WithRank<Policy, RankChoice>::type;

}  // namespace pst::PST_ABI
