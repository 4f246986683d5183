// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/concepts/straight_through.hpp"
#include "pst/core/config.hpp"

namespace pst::PST_ABI {

/// Only kept weights learn, the score is detached: dW~ = G .* M.
/// @ingroup straight_through
struct MaskedGradient {
  using role = roles::straight_through;

  [[nodiscard]] constexpr Passes passes() const noexcept { return Passes::kept; }
  [[nodiscard]] constexpr bool through_scores() const noexcept { return false; }
  template <class Scalar>
  [[nodiscard]] PST_HD constexpr Scalar operator()(Scalar gradient, bool kept) const noexcept {
    return kept ? gradient : Scalar{0};
  }
};
static_assert(StraightThroughRule<MaskedGradient>);

}  // namespace pst::PST_ABI
