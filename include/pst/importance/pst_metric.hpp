// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/importance/low_rank_score.hpp"
#include "pst/importance/magnitude.hpp"
#include "pst/importance/row_column_score.hpp"
#include "pst/importance/sum.hpp"

namespace pst::PST_ABI {

/// The importance of PST: S = abs(W~) + alpha1 A B + alpha2 (R 1^T + 1 C^T).
///
/// Li et al., "Parameter-Efficient Sparsity for Large Language Models Fine-Tuning", IJCAI 2022. Leave a term out of the
/// sum to get an ablation of the paper.
/// @ingroup importance
using Pst = Sum<Magnitude, LowRankScore<Rank<8>>, RowColumnScore>;

}  // namespace pst::PST_ABI
