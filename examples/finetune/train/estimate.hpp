// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ostream>
#include <span>

#include "finetune/run/base_model.hpp"
#include "finetune/train/training_data.hpp"

namespace finetune {

/// Of a batch, its rows and the squares of attention in one head; of a block, how many numbers it keeps for each.
struct RowsAndSquares {
  double rows = 0, squares = 0;
};

/// What backward needs of one block of a forward: queries, keys, values, context, both norms and the input of the
/// feed-forward layer, that of attention where a norm stands before it, both sides of the activation, and what branches
/// keep. Two numbers a row for the norms are left out.
[[nodiscard]] RowsAndSquares kept_by_block(const transformer::EncoderConfig& config,
                                           std::span<const PlacedBranch> branches);

/// Measures two steps of a run, one at its first sparsity and one at its last, and says what memory and time all of it
/// takes. The model is used up.
void print_estimate(std::ostream& out, const Settings& settings, BaseModel& base, const TrainingData& data);

}  // namespace finetune
