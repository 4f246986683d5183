// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/concepts/rank.hpp"
#include "pst/core/error.hpp"

namespace pst::PST_ABI {

/// A rank set at run time.
/// @ingroup rank
struct DynamicRank {
  using role = roles::rank;
  index_t value = 8;

  /// Throws when the rank is below 1.
  template <class B, class WeightView>
  [[nodiscard]] index_t choose(B&, WeightView) const {
    require(value >= 1, "DynamicRank is ", value, ", expected at least 1");
    return value;
  }
};
static_assert(RankPolicy<DynamicRank>);

}  // namespace pst::PST_ABI
