// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/concepts/straight_through.hpp"
#include "pst/core/config.hpp"

namespace pst::PST_ABI {

/// The weight learns where it is kept, and everywhere through its score: dW~ = G .* M + what the metric sends back.
///
/// With a metric that holds abs(W~) this is G .* (M + abs(W~)), what autograd computes for the published code. A pruned
/// weight still learns.
/// @ingroup straight_through
struct ReferenceGradient {
  using role = roles::straight_through;

  [[nodiscard]] constexpr Passes passes() const noexcept { return Passes::kept; }
  [[nodiscard]] constexpr bool through_scores() const noexcept { return true; }
  template <class Scalar>
  [[nodiscard]] PST_HD constexpr Scalar operator()(Scalar gradient, bool kept) const noexcept {
    return kept ? gradient : Scalar{0};
  }
};
static_assert(StraightThroughRule<ReferenceGradient>);

}  // namespace pst::PST_ABI
