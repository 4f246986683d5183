// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>

#include "pst/concepts/role.hpp"

/// @defgroup straight_through Straight-through gradients
/// What the weight W~ learns from G, the gradient of the masked weight W' = M .* W~.
namespace pst::PST_ABI {

/// `operator()(gradient, kept)` is the gradient of one weight through the mask.
template <class S>
concept PassesGradient = requires(const S& rule, float gradient, bool kept) {
  { rule(gradient, kept) } -> std::same_as<float>;
};

/// What a rule makes of G, so that nothing is computed that nobody reads.
enum class Passes {
  kept,  ///< G .* M exactly: only G where weights are kept is needed
  all,   ///< G exactly
  other  ///< anything else
};

/// `passes()` says what the rule makes of G: one of `Passes`.
template <class S>
concept SaysWhatPasses = requires(const S& rule) {
  { rule.passes() } -> std::same_as<Passes>;
};

/// `through_scores()` says whether the weight also learns through its score.
template <class S>
concept SaysWhetherThroughScores = requires(const S& rule) {
  { rule.through_scores() } -> std::same_as<bool>;
};

/// A straight-through rule: plain data and three functions.
template <class S>
concept StraightThroughRule = std::semiregular<S> && PlaysRole<S, roles::straight_through> && PassesGradient<S> &&
    SaysWhatPasses<S> && SaysWhetherThroughScores<S>;

}  // namespace pst::PST_ABI
