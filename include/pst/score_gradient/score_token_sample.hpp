// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/concepts/score_gradient.hpp"
#include "pst/core/random.hpp"

namespace pst::PST_ABI {

/// The scores learn in every step from one token in `stride`, beginning at a random one (systematic sampling), scaled
/// by `stride`: the expected gradient is the exact one.
/// @ingroup score_gradient
struct ScoreTokenSample {
  using role = roles::score_gradient;
  index_t stride = 4;

  [[nodiscard]] constexpr ScoreLearning at(double /*progress*/, std::uint64_t step, std::uint64_t seed) const noexcept {
    if (stride <= 1) return {};
    const std::uint64_t draw = mix_bits(derive_seed(seed, 'T') + step);
    return {.token_stride = stride, .first_token = static_cast<index_t>(draw % static_cast<std::uint64_t>(stride))};
  }
};
static_assert(ScoreGradientPolicy<ScoreTokenSample>);

}  // namespace pst::PST_ABI
