// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/concepts/score_gradient.hpp"

namespace pst::PST_ABI {

/// The scores learn in every step, from all tokens: exact, as published.
/// @ingroup score_gradient
struct ScoreEveryStep {
  using role = roles::score_gradient;

  [[nodiscard]] constexpr ScoreLearning at(double /*progress*/, std::uint64_t /*step*/,
                                           std::uint64_t /*seed*/) const noexcept {
    return {};
  }
};
static_assert(ScoreGradientPolicy<ScoreEveryStep>);

}  // namespace pst::PST_ABI
