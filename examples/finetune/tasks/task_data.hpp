// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "task.hpp"

namespace finetune {

/// A sentence or a pair of them, and what is asked of it.
struct Example {
  std::string first = {};
  std::string second = {};  ///< empty in a task of single sentences
  int label = -1;           ///< the number of its class, -1 where the file has no labels
  double score = 0;         ///< of a regression
  std::string row = {};     ///< its number as the file has it, or else counted from 0, rows that are skipped among them
};

/// A meaning, and the sentences that people wrote for it.
struct Meaning {
  std::string text;
  std::vector<std::string> references;
};

/// What a file of a task holds; one of the three is filled, as the task's kind asks.
struct TaskData {
  std::string title = {};  ///< as in TaskFile
  std::vector<Example> examples = {};
  std::vector<Meaning> meanings = {};  ///< each once, in the order in which they first occur
  std::string text = {};
  bool labelled = true;  ///< false where a test file came without labels or references
  std::size_t skipped = 0;
  std::string first_skipped = {};  ///< where and why the first one was skipped
};

enum class TaskPart { train, dev, test };

/// Reads one file. Without labels it is refused, unless `part` is test.
[[nodiscard]] TaskData read_task_file(const Task& task, const std::filesystem::path& path, TaskPart part);

/// Reads the files of a part from the folder `data`, under the names that the table gives; each in its own TaskData.
/// Running text may also be one file: the first nine tenths of its lines train, the rest is dev and test.
[[nodiscard]] std::vector<TaskData> load_task(const Task& task, const std::filesystem::path& data, TaskPart part);

}  // namespace finetune
