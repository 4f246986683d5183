// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "finetune/export/check.hpp"

namespace finetune {

struct TaskFileOptions {
  std::filesystem::path base{};  ///< the Hugging Face folder that the model was trained from
  double scale = 1.0;            ///< of the low-rank updates: PST's beta
  bool scores = false;           ///< importance scores are kept, to go on training; the model does not need them
  std::string settings{};        ///< of the run, as text for people
  bool overwrite = false;
};

/// Writes what a task has of its own: low-rank updates and mask bits of the linear layers, the head, and whatever else
/// is not as in the base model. Many tasks share one base.
///
/// It is applied to the base and checked before it gets its name: the result is the model, bit for bit. Throws
/// pst::Error when the weights themselves or the embeddings have trained, which a small file cannot hold.
ExportReport export_task_file(Model& model, const std::filesystem::path& file, const TaskFileOptions& options,
                              Probes probes);

/// The model of a task from a base folder and a task file, with dense weights that are exactly zero where pruned.
/// Throws pst::Error when the file was made for another base, or is damaged.
[[nodiscard]] std::unique_ptr<Model> apply_task_file(const std::filesystem::path& file,
                                                     const std::filesystem::path& base);

}  // namespace finetune
