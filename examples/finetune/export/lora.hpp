// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>

#include "finetune/export/check.hpp"

namespace finetune {

struct LoraOptions {
  std::filesystem::path base{};  ///< the Hugging Face folder that the model was trained from
  double scale = 1.0;            ///< of the low-rank updates: PST's beta
  bool overwrite = false;
};

/// What is lost in an adapter, for whoever asks for one.
inline constexpr const char* lora_warning =
    "an adapter holds the dense part of the model alone, its weight and update: pruned weights are back, and its "
    "answers are "
    "not those of the sparse model";

/// Writes the low-rank updates as a LoRA or, where row norms have trained, a DoRA adapter of PEFT, with the head and
/// whatever else is not as in the base: the dense part of the model, see `lora_warning`. A query, key and value that
/// are updated apart become one adapter of their fused layer, with three times the rank.
///
/// It is read again and compared with the dense part of the model before it gets its name; the report has no zeros.
/// Throws pst::Error when the weights themselves or the embeddings have trained.
ExportReport export_lora(Model& model, const std::filesystem::path& folder, const LoraOptions& options, Probes probes);

/// The model without its mask: W + scale * U V, with rows of the length m where that trained; dense.
[[nodiscard]] std::unique_ptr<Model> dense_part(Model& model, double scale);

}  // namespace finetune
