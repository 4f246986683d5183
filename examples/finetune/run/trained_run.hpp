// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>

#include "finetune/model/model.hpp"
#include "finetune/run/run_folder.hpp"
#include "finetune/run/settings.hpp"
#include "finetune/tokenizer/tokenizer.hpp"

namespace finetune {

/// What `train` left in its folder.
struct TrainedRun {
  Settings settings;             ///< all of them, as they were resolved
  std::unique_ptr<Model> model;  ///< ready to be asked, and exported
  Tokenizer tokenizer;
};

/// Reads the folder of a run, and with it the model that it began from: in `base`, or where it was then. Throws
/// pst::Error on anything that is missing, damaged, or of another model, which the fingerprint of its weights tells.
[[nodiscard]] TrainedRun load_run(const std::filesystem::path& folder, Checkpoint which,
                                  const std::filesystem::path& base = {});

}  // namespace finetune
