// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/concepts/score_gradient.hpp"

namespace pst::PST_ABI {

/// The scores learn in one step of `interval`, from all tokens, and rest in the others.
/// @ingroup score_gradient
struct ScoreEveryKthStep {
  using role = roles::score_gradient;
  std::uint64_t interval = 4;

  [[nodiscard]] constexpr ScoreLearning at(double /*progress*/, std::uint64_t step,
                                           std::uint64_t /*seed*/) const noexcept {
    return {.learns = interval == 0 || step % interval == 0};
  }
};
static_assert(ScoreGradientPolicy<ScoreEveryKthStep>);

}  // namespace pst::PST_ABI
