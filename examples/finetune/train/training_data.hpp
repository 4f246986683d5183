// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "finetune/data/sequences.hpp"
#include "finetune/run/base_model.hpp"
#include "finetune/run/settings.hpp"

namespace finetune {

/// Dev data that are scored on their own.
struct DevSet {
  std::string title;  ///< empty where there is one only
  std::vector<Sequence> sequences;
};

/// What a run learns from and is measured by.
struct TrainingData {
  std::vector<Sequence> train;
  std::vector<DevSet> dev;
  std::vector<std::string> remarks;  ///< on what was left out
  std::string fingerprint;           ///< of all sequences
};

/// Reads the files of the task and encodes them for the model.
[[nodiscard]] TrainingData load_training_data(const Settings& settings, const Tokenizer& tokenizer,
                                              const ModelConfig& config);
[[nodiscard]] TrainingData load_training_data(const Settings& settings, const BaseModel& base);

}  // namespace finetune
