// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/concepts/rank.hpp"

namespace pst::PST_ABI {

/// A rank fixed at compile time. The plainest policy of its axis.
/// @ingroup rank
template <index_t Value = 8>
struct Rank {
  static_assert(Value > 0, "a rank is at least 1");
  using role = roles::rank;

  template <class B, class WeightView>
  [[nodiscard]] constexpr index_t choose(B&, WeightView) const noexcept {
    return Value;
  }
};
static_assert(RankPolicy<Rank<8>>);

}  // namespace pst::PST_ABI
