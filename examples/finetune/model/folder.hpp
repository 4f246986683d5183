// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/io/element_type.hpp>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "finetune/model/model.hpp"

namespace finetune {

/// What of a model is the caller's choice.
struct ModelOptions {
  bool train_embeddings = true;       ///< without, embeddings have no gradient, which would be as large as they are
  bool together = false;              ///< GPT-2's query, key and value are one layer, not three
  bool new_head = false;              ///< a task head in the folder is not read
  std::vector<std::string> labels{};  ///< of the task; empty: those of the folder. The folder's head is put in their
                                      ///< order where it has the same names in another one
  std::uint64_t seed = 1;             ///< of a head that the folder does not have
};

struct LoadedModel {
  std::unique_ptr<Model> model;          ///< filled and attached
  std::vector<std::string> labels = {};  ///< of the head in the folder; none where it is made anew
  std::vector<std::string> made_new;     ///< tensors that the folder does not have, with random numbers
  std::vector<std::string> unused;       ///< tensors of the folder that the model does not have
};

/// Reads a Hugging Face folder of BERT, RoBERTa or GPT-2: config.json and model.safetensors, or its shards.
///
/// Prefixes and the old spellings of layer norms are understood, 16-bit weights are widened. Throws pst::Error, before
/// anything large is allocated, when a tensor is missing or has another shape than the configuration says.
[[nodiscard]] LoadedModel load_model(const std::filesystem::path& folder, const ModelOptions& options,
                                     const MakeLayer& make_layer);

struct SaveOptions {
  pst::io::ElementType type = pst::io::ElementType::f32;  ///< f32, f16 or bf16
  bool overwrite = false;
};

/// Writes config.json and model.safetensors as transformers does for the class of the task: learnt factors are added
/// and pruned weights are exactly zero. Tokenizer files are the caller's.
void save_model(Model& model, const std::filesystem::path& folder, const SaveOptions& options = {});

}  // namespace finetune
