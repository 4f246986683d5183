// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/concepts/straight_through.hpp"
#include "pst/core/config.hpp"

namespace pst::PST_ABI {

/// Every weight learns as if nothing were pruned, the score is detached: dW~ = G.
/// @ingroup straight_through
struct DenseGradient {
  using role = roles::straight_through;

  [[nodiscard]] constexpr Passes passes() const noexcept { return Passes::all; }
  [[nodiscard]] constexpr bool through_scores() const noexcept { return false; }
  template <class Scalar>
  [[nodiscard]] PST_HD constexpr Scalar operator()(Scalar gradient, bool /*kept*/) const noexcept {
    return gradient;
  }
};
static_assert(StraightThroughRule<DenseGradient>);

}  // namespace pst::PST_ABI
