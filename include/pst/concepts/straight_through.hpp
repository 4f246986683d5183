// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <type_traits>

#include "pst/concepts/role.hpp"

/// @defgroup straight_through Straight-through gradients
/// What the weight W~ learns from G, the gradient of the masked weight W' = M .* W~.
namespace pst {

/// `operator()(gradient, kept)` is the gradient of one weight through the mask.
template <class S>
concept PassesGradient = requires(const S& rule, float gradient, bool kept) {
  { rule(gradient, kept) } -> std::same_as<float>;
};

/// `through_scores`, a constant, says whether the weight also learns through its score.
template <class S>
concept SaysWhetherThroughScores = requires {
  typename std::bool_constant<S::through_scores>;
};

/// A straight-through rule: plain data, one function and one constant.
template <class S>
concept StraightThroughRule =
    std::semiregular<S> && PlaysRole<S, roles::straight_through> && PassesGradient<S> && SaysWhetherThroughScores<S>;

}  // namespace pst
