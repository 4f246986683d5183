// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "pst/core/error.hpp"
#include "pst/start/normal_start.hpp"

namespace pst::PST_ABI {

/// The left factor is drawn from N(0, 1 / (scale^2 rank)), the right one is zero: a rate is one of the weight.
///
/// The first step of Adam with rate h moves the right factor by h in every place, and so a weight by h (root of the
/// mean square), as in full fine-tuning, for every rank, width and scale, as long as the rank is small beside the
/// width. With NormalStart it moves by h * abs(scale) * sqrt(rank), with KaimingStart by h * abs(scale) * sqrt(rank /
/// (3 in)). Throws Error when abs(scale) is above 0 and below 1e-30: the left factor would overflow.
/// @ingroup start
struct PerWeightStart {
  using role = roles::start;

  template <class B, class View>
  void write(B& on, const UnstartedFactors<View>& factors) const {
    const double scale = factors.scale == 0 ? 1.0 : std::abs(factors.scale);  // at 0 the factors do nothing
    require(scale >= 1e-30, "the scale of a low-rank product is ", factors.scale,
            ", expected 0 or at least 1e-30 for factors that start per weight");
    NormalStart{1.0 / (scale * std::sqrt(static_cast<double>(factors.left.cols)))}.write(on, factors);
  }
};
static_assert(FactorStart<PerWeightStart>);

}  // namespace pst::PST_ABI
