// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <variant>

#include "pst/concepts/score_gradient.hpp"
#include "pst/score_gradient/score_every_kth_step.hpp"
#include "pst/score_gradient/score_every_step.hpp"
#include "pst/score_gradient/score_rest_after.hpp"
#include "pst/score_gradient/score_token_sample.hpp"

namespace pst::PST_ABI {

/// One of the library's score gradient policies, chosen at run time.
/// @ingroup score_gradient
struct ScoreGradientChoice {
  using role = roles::score_gradient;
  std::variant<ScoreEveryStep, ScoreEveryKthStep, ScoreTokenSample, ScoreRestAfter> policy{};

  [[nodiscard]] constexpr ScoreLearning at(double progress, std::uint64_t step, std::uint64_t seed) const {
    return std::visit([&](const auto& chosen) { return chosen.at(progress, step, seed); }, policy);
  }
};
static_assert(ScoreGradientPolicy<ScoreGradientChoice>);
static_assert(!ScoreGradientChoice{ScoreRestAfter{0.5}}.at(0.5, 0, 0).learns);

}  // namespace pst::PST_ABI
