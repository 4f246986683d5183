// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/delta/low_rank.hpp"
#include "pst/importance/magnitude.hpp"
#include "pst/layer/sparse_linear.hpp"
#include "pst/selector/keep_all.hpp"
#include "pst/straight_through/masked_gradient.hpp"

namespace pst::PST_ABI {

/// A layer that prunes nothing: `Unpruned<>` has a low-rank update (LoRA), `Unpruned<>::with<Full>` is dense
/// fine-tuning. `Unpruned<>::with<KeepNonZeros>` is LoRA on a weight that is sparse already, and stays so when merged.
/// @ingroup layer
template <FloatOrDouble Scalar = float, class Backend = EigenCpu>
using Unpruned =
    SparseLinear<Scalar, Magnitude, LowRank<>, KeepAll, CubicSchedule, MaskedGradient, FrozenBias, Backend>;

}  // namespace pst::PST_ABI
