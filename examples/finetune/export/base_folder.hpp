// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "finetune/model/model.hpp"
#include "transformer/dense_linear.hpp"

namespace finetune {

/// The model that tasks share, with a head for one of them.
struct SharedBase {
  std::unique_ptr<Model> model;
  std::set<std::string> made_new;  ///< tensors that are the task's alone
  std::string fingerprint;         ///< of all others
};

/// Reads the folder of a base for a task with these labels, none for a language model; its own head is left aside.
[[nodiscard]] SharedBase load_shared_base(const std::filesystem::path& folder, const std::vector<std::string>& labels,
                                          bool together,
                                          const MakeLayer& make_layer = transformer::dense_layers<float>());

/// Whether a tensor of a folder is a table of embeddings.
[[nodiscard]] bool is_embedding(const ModelConfig& config, const std::string& tensor);

/// Everything of a model but the weights of its linear layers, by the name in a folder; parts of one tensor are told
/// apart by "#1" and so on.
[[nodiscard]] std::map<std::string, Matrix*> plain_tensors(Model& model);

/// The names of plain tensors in which a model is not its base. Throws pst::Error when embeddings are among them: what
/// is written for one task would be as large as they are.
[[nodiscard]] std::set<std::string> trained_tensors(Model& model, const SharedBase& base);

/// The folder's last name, for messages.
[[nodiscard]] std::string base_name(const std::filesystem::path& folder);

}  // namespace finetune
