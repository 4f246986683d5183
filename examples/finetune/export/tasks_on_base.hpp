// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/any/shared_cpu.hpp>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "finetune/export/base_folder.hpp"

namespace finetune {

/// Several tasks on one base in one process: embeddings and dense weights are there once, and each task adds what it
/// has of its own. To go from one task to another is to ask another model; nothing is loaded, merged or copied, and the
/// base keeps its bits.
///
/// Low-rank updates and changes of single weights run beside the weight of the base. Weights that are pruned, or
/// trained themselves, are the task's own: compressed where they are half zeros or more. All tasks share threads and
/// scratch memory, so one is asked at a time.
class TasksOnBase {
 public:
  explicit TasksOnBase(std::filesystem::path base) : folder_{std::move(base)} {}

  /// Reads a task file of `export`. Throws pst::Error on a name that is there already, and on what is not of this base;
  /// the other tasks are as before.
  void add(std::string name, const std::filesystem::path& task_file);

  /// The model of a task, in its place for as long as this lives. Throws pst::Error, with the nearest names, when there
  /// is none.
  [[nodiscard]] Model& operator[](std::string_view name);
  [[nodiscard]] std::vector<std::string_view> names() const;

  /// What the base takes in memory, once.
  [[nodiscard]] std::size_t base_bytes();
  /// What a task takes besides; activations, which grow with the batch, are not counted.
  [[nodiscard]] std::size_t own_bytes(std::string_view name);
  /// Of the base as it is now: the same for as long as this lives.
  [[nodiscard]] std::string fingerprint();

 private:
  struct Task {
    std::string name;
    std::unique_ptr<Model> model;
  };

  [[nodiscard]] std::unique_ptr<Model> make_model_on_base(const std::vector<std::string>& labels);
  void lay_over(Layer& layer, const pst::TensorList& state, double scale);
  /// A layer of the base's weight as it is.
  [[nodiscard]] pst::AnyLinear<float> plain_layer(const std::string& name, pst::Shape shape);

  std::filesystem::path folder_;
  pst::SharedCpu cpu_ = pst::share_cpu();
  std::optional<SharedBase> base_;
  std::vector<Task> tasks_;
};

}  // namespace finetune
