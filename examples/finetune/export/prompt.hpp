// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "finetune/export/check.hpp"

namespace finetune {

struct PromptOptions {
  std::filesystem::path base{};  ///< the Hugging Face folder that the model was trained from
  bool overwrite = false;
};

/// Writes the virtual tokens of a model for PEFT, as PREFIX_TUNING or PROMPT_TUNING, with the head: the vectors, not
/// what made them.
///
/// They are read again as PEFT would, and compared, before the folder gets its name. Throws pst::Error when the model
/// has none, when it has branches too, when positions or what is pooled are not PEFT's, or when something else has
/// trained.
ExportReport export_prompt(Model& model, const std::filesystem::path& folder, const PromptOptions& options,
                           Probes probes);

}  // namespace finetune
