// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "pst/concepts/rank.hpp"
#include "pst/core/error.hpp"

namespace pst::PST_ABI {

/// A rank set at run time.
/// @ingroup rank
struct DynamicRank {
  using role = roles::rank;
  static constexpr index_t usual = 8;
  index_t value = usual;

  /// Throws when the rank is below 1, or above both sides of the weight: a product of such factors is none that smaller
  /// ones could not be. The usual rank is taken for the smallest weights too.
  template <class B, class WeightView>
  [[nodiscard]] index_t choose(B&, WeightView weight) const {
    require(value >= 1, "DynamicRank is ", value, ", expected at least 1");
    require(value <= std::max({usual, weight.rows, weight.cols}), "DynamicRank is ", value, ", expected at most ",
            std::max(weight.rows, weight.cols), ", the longer side of a weight of ", weight.rows, " x ", weight.cols);
    return value;
  }
};
static_assert(RankPolicy<DynamicRank>);

}  // namespace pst::PST_ABI
