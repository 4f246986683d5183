// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "finetune/export/check.hpp"

namespace finetune {

struct ExportOptions {
  pst::io::ElementType type = pst::io::ElementType::f32;  ///< f32, f16 or bf16
  bool overwrite = false;
  std::filesystem::path base{};  ///< the folder whose tokenizer files are copied; empty: none are
};

/// Writes a Hugging Face folder that transformers loads: weights with exact zeros, config.json and the tokenizer.
///
/// It is loaded again and checked against the model before it gets its name. Throws pst::Error, with nothing written,
/// when something is at `folder` already or the check fails.
ExportReport export_folder(Model& model, const std::filesystem::path& folder, const ExportOptions& options,
                           Probes probes);

}  // namespace finetune
