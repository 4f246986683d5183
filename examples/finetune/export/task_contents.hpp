// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/core/tensor.hpp>

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "finetune/export/base_folder.hpp"
#include "finetune/export/intrinsic_text.hpp"

namespace finetune {

/// What the metadata of a task file have under "kind" and "version".
inline constexpr const char* task_file_kind = "pst task file";
inline constexpr const char* task_file_version = "2";

/// What a task file says of itself.
struct TaskHeading {
  double scale = 1.0;  ///< of the low-rank updates
  std::string base, fingerprint;
  bool together = false;  ///< whether query, key and value were one layer
  bool lists_contents = true;
  std::vector<PlacedBranch> branches{};
  std::optional<PlacedTokens> tokens{};
  std::optional<IntrinsicPart> intrinsic{};
  std::vector<std::string> labels{}, layers{}, plain{};  ///< names of labels, and of what the file has tensors for
};

/// Reads the heading alone. Throws pst::Error on what is no task file.
[[nodiscard]] TaskHeading read_task_heading(const std::filesystem::path& file);

/// The tensor of virtual tokens in a task file.
[[nodiscard]] std::string name_of_tokens(const PlacedTokens& tokens, const ModelConfig& config);

/// Makes of a layer of the base that of a task, from what the layer gave when it was saved, and the scale of low-rank
/// updates. Throws pst::Error on what does not fit.
using ApplyLayer = std::function<void(Layer& layer, const pst::TensorList& state, double scale)>;

/// A task file that was read, with nothing but its base to be known.
class TaskContents {
 public:
  /// Throws pst::Error on what is no task file, or damaged.
  explicit TaskContents(const std::filesystem::path& file);

  [[nodiscard]] const TaskHeading& heading() const noexcept { return heading_; }
  /// Makes of the base the model of the task; `folder` is what messages call the base. Throws pst::Error when the file
  /// was made for another one, with all tensors that are missing, that the base does not have, and that have another
  /// shape; the model is of no use then.
  void put_into(SharedBase& base, const std::filesystem::path& folder, const ApplyLayer& apply) const;

 private:
  void check_widths(const ModelConfig& config) const;
  void check_tensors(const SharedBase& base) const;
  [[nodiscard]] std::map<std::string, pst::TensorList> states_of(Model& model) const;

  std::string source_;
  TaskHeading heading_;
  std::map<std::string, pst::TensorList> of_layers_;
  std::map<std::string, pst::Tensor> plain_;
};

}  // namespace finetune
