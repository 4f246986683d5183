// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>

#include "pst/concepts/role.hpp"
#include "pst/core/config.hpp"

/// @defgroup score_gradient Score gradients
/// When the importance scores learn, and from which tokens. The scores need the gradient of every weight, pruned ones
/// too, which is the most expensive part of a step; the weight update needs it where weights are kept alone.
namespace pst::PST_ABI {

/// How the scores learn in one step.
struct ScoreLearning {
  bool learns = true;
  index_t token_stride = 1;  ///< one token in so many is used, and its gradient multiplied by as much
  index_t first_token = 0;   ///< below `token_stride`
};

/// `at(progress, step, seed)` says how the scores learn in the `step`-th step (from 0) of a run.
template <class P>
concept SaysHowScoresLearn = requires(const P& policy, double progress, std::uint64_t step, std::uint64_t seed) {
  { policy.at(progress, step, seed) } -> std::same_as<ScoreLearning>;
};

/// A score gradient policy: plain data and one function.
///
/// While the scores rest, the score is detached: kept weights learn from G, pruned ones not at all (unless the
/// straight-through rule is DenseGradient).
template <class P>
concept ScoreGradientPolicy = std::semiregular<P> && PlaysRole<P, roles::score_gradient> && SaysHowScoresLearn<P>;

}  // namespace pst::PST_ABI
