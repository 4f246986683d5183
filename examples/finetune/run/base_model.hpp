// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "finetune/model/folder.hpp"
#include "finetune/run/settings.hpp"
#include "finetune/run/snapshot.hpp"
#include "finetune/tokenizer/tokenizer.hpp"

namespace finetune {

/// What a run begins from: the folder's model with the layers of the method and the head of the task.
struct BaseModel {
  LoadedModel loaded;
  Tokenizer tokenizer;
  std::string fingerprint;           ///< of all its weights
  std::vector<std::string> remarks;  ///< on what the chosen modules are
};

/// Reads the model of a run and checks that it goes with the task.
[[nodiscard]] BaseModel load_base(const Settings& settings);

/// Puts the state of a run, which was read from `file`, into the model that the run began from. Throws pst::Error when
/// it is of another one, or damaged.
void restore(BaseModel& base, const Snapshot& snapshot, const std::filesystem::path& file);

}  // namespace finetune
