// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/concepts/start.hpp"
#include "pst/core/random.hpp"

namespace pst::PST_ABI {

/// The left factor is drawn from N(0, deviation^2), the right one is zero. The plainest policy of its axis; with a
/// deviation of 1 the start of PST.
///
/// The first step of Adam then moves a weight by rate * abs(scale) * deviation * sqrt(rank) (root of the mean square).
/// @ingroup start
struct NormalStart {
  using role = roles::start;
  double deviation = 1.0;

  template <class B, class View>
  void write(B& on, const UnstartedFactors<View>& factors) const {
    on.generate(factors.left, ScaledNormal{NormalMatrix{NormalAt{factors.seed}, factors.left.cols}, deviation});
  }
};
static_assert(FactorStart<NormalStart>);

}  // namespace pst::PST_ABI
