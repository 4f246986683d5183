// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/concepts/straight_through.hpp"
#include "pst/core/config.hpp"

namespace pst::PST_ABI {

/// One of the library's straight-through rules, chosen at run time.
/// @ingroup straight_through
struct StraightThroughChoice {
  using role = roles::straight_through;
  bool pruned_learn = false;         ///< as in DenseGradient
  bool learns_through_score = true;  ///< as in ReferenceGradient

  [[nodiscard]] constexpr Passes passes() const noexcept { return pruned_learn ? Passes::all : Passes::kept; }
  [[nodiscard]] constexpr bool through_scores() const noexcept { return learns_through_score; }
  template <class Scalar>
  [[nodiscard]] PST_HD constexpr Scalar operator()(Scalar gradient, bool kept) const noexcept {
    return kept || pruned_learn ? gradient : Scalar{0};
  }
};
static_assert(StraightThroughRule<StraightThroughChoice>);

}  // namespace pst::PST_ABI
