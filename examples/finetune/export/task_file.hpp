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

/// Writes what a task has of its own: low-rank updates, mask bits where something is pruned, and weights that trained
/// themselves, of the linear layers that are not as in the base; the head, and every other tensor that is not. Many
/// tasks share one base. The file lists what it holds.
///
/// It is applied to the base and checked before it gets its name: the result is the model, bit for bit. Throws
/// pst::Error when the weights of all layers or the embeddings have trained, which a small file cannot hold.
ExportReport export_task_file(Model& model, const std::filesystem::path& file, const TaskFileOptions& options,
                              Probes probes);

/// The model of a task from a base folder and a task file, with dense weights that are exactly zero where pruned.
/// Throws pst::Error when the file was made for another base, or is damaged: with all tensors that are missing, that
/// the base does not have, and that have another shape.
[[nodiscard]] std::unique_ptr<Model> apply_task_file(const std::filesystem::path& file,
                                                     const std::filesystem::path& base);

}  // namespace finetune
