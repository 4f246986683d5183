// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/concepts/bias.hpp"

namespace pst::PST_ABI {

/// The bias stays as it is: the default, and the reference. The plainest policy of its axis.
/// @ingroup bias
struct FrozenBias {
  using role = roles::bias;
  static constexpr bool trained = false;
};
static_assert(BiasPolicy<FrozenBias>);

}  // namespace pst::PST_ABI
