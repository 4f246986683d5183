// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/concepts/score_gradient.hpp"

namespace pst::PST_ABI {

/// The scores learn until a progress of `progress`, and rest from then on.
/// @ingroup score_gradient
struct ScoreRestAfter {
  using role = roles::score_gradient;
  double progress = 0.7;

  [[nodiscard]] constexpr ScoreLearning at(double now, std::uint64_t /*step*/, std::uint64_t /*seed*/) const noexcept {
    return {.learns = now < progress};
  }
};
static_assert(ScoreGradientPolicy<ScoreRestAfter>);

}  // namespace pst::PST_ABI
