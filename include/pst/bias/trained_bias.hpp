// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/concepts/bias.hpp"

namespace pst::PST_ABI {

/// The attached bias trains in place: db = colsum(dY).
/// @ingroup bias
struct TrainedBias {
  using role = roles::bias;
  static constexpr bool trained = true;
};
static_assert(BiasPolicy<TrainedBias>);

}  // namespace pst::PST_ABI
