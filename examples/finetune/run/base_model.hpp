// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "finetune/model/folder.hpp"
#include "finetune/run/settings.hpp"
#include "finetune/tokenizer/tokenizer.hpp"

namespace finetune {

/// What a run begins from: the folder's model with the layers of the method and the head of the task.
struct BaseModel {
  LoadedModel loaded;
  Tokenizer tokenizer;
  std::string fingerprint;  ///< of all its weights
};

/// Reads the model of a run and checks that it goes with the task.
[[nodiscard]] BaseModel load_base(const Settings& settings);

}  // namespace finetune
