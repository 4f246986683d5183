// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "pst/concepts/start.hpp"
#include "pst/core/random.hpp"

namespace pst::PST_ABI {

/// The right factor is drawn evenly from -1 / sqrt(in) to 1 / sqrt(in), the left one is zero: the start of LoRA.
///
/// LoRA (Hu et al. 2021) calls the factor of the inputs A and that of the outputs B; its code draws A by Kaiming's
/// uniform rule with a = sqrt(5). The random side is that of the inputs, unlike PST's.
/// @ingroup start
struct KaimingStart {
  using role = roles::start;

  template <class B, class View>
  void write(B& on, const UnstartedFactors<View>& factors) const {
    const index_t in = factors.right.cols;
    on.generate(factors.right, UniformMatrix{factors.seed, in, 1.0 / std::sqrt(static_cast<double>(in))});
  }
};
static_assert(FactorStart<KaimingStart>);

}  // namespace pst::PST_ABI
