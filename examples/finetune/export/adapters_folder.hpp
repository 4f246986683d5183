// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>

#include "finetune/export/check.hpp"

namespace finetune {

/// The model that the library adapters (1.3) makes of a base and a folder that its save_adapter wrote with
/// use_safetensors: bottlenecks of Houlsby, Pfeiffer, parallel or of Compacter, with the head of a classifier where
/// the folder has one.
///
/// The folder has adapter_config.json and adapter.safetensors, and for a head head_config.json and
/// model_head.safetensors. Throws pst::Error where one of them asks for something else, with its name, and where
/// tensors are missing, not known, or have another shape, with all of them; a head that neither base nor adapter has is
/// missing.
[[nodiscard]] std::unique_ptr<Model> apply_adapters(const std::filesystem::path& adapter,
                                                    const std::filesystem::path& base);

struct AdaptersOptions {
  std::filesystem::path base{};  ///< the Hugging Face folder that the model was trained from
  bool overwrite = false;
};

/// Writes the bottlenecks of a model for the library adapters, with pooler and head as a head of two layers.
///
/// They are read again as the library would, and compared, before the folder gets its name. Throws pst::Error when the
/// library has no such branches, or when something else has trained, norms for instance.
ExportReport export_adapters(Model& model, const std::filesystem::path& folder, const AdaptersOptions& options,
                             Probes probes);

}  // namespace finetune
