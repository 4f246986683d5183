// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>

#include "finetune/export/dense_folder.hpp"

namespace finetune {

/// Writes a folder in the format `sparse-bitmask` of compressed-tensors: of the weights in the blocks, a bit for each
/// and the numbers that are not zero; everything else as it is. With config.json and the tokenizer.
///
/// Checked like a Hugging Face folder before it gets its name.
ExportReport export_archive(Model& model, const std::filesystem::path& folder, const ExportOptions& options,
                            Probes probes);

/// Reads such a folder as a model with compressed weights, to ask and not to train; the numbers of a layer are kept in
/// the type in which the file has them. `together` makes GPT-2's query, key and value one layer. Throws pst::Error on
/// anything that is missing, damaged, or not of the model in config.json.
[[nodiscard]] std::unique_ptr<Model> load_archive(const std::filesystem::path& folder, bool together = true);

}  // namespace finetune
