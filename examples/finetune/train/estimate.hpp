// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ostream>

#include "finetune/run/base_model.hpp"
#include "finetune/train/training_data.hpp"

namespace finetune {

/// Measures two steps of a run, one at its first sparsity and one at its last, and says what memory and time all of it
/// takes. The model is used up.
void print_estimate(std::ostream& out, const Settings& settings, BaseModel& base, const TrainingData& data);

}  // namespace finetune
