// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace finetune {

/// What a model is given and what it gives back.
enum class TaskKind {
  single,      ///< one sentence, a class
  pair,        ///< two sentences, a class
  regression,  ///< two sentences, a number
  generation,  ///< a meaning, a sentence
  text,        ///< running text, the next token
};

/// How the files of a task are written.
enum class TaskFormat { tab_separated, e2e, webnlg, dart, plain };

/// A class: as the files write it, and what it means. Its place in the list is its number.
struct Label {
  std::string_view in_file = {};
  std::string_view name = {};
};

/// Where a file without a header has what: columns from 0.
struct HeaderlessColumns {
  std::size_t count = 0;
  std::size_t first = 0;
  std::size_t label = 0;
};

/// The headers of the columns that matter; each lists all spellings that are met.
struct Columns {
  std::vector<std::string_view> first = {};
  std::vector<std::string_view> second = {};
  std::vector<std::string_view> label = {};
  std::vector<std::string_view> row = {"index", "idx", "id"};  ///< the number of a row; the first that is there counts
  std::optional<HeaderlessColumns> headerless = {};
};

/// Data that is scored on its own: its title, empty where there is one only, and the names its file may have.
struct TaskFile {
  std::string_view title = {};
  std::vector<std::string_view> names = {};
};

/// All that the program knows of a task.
struct Task {
  std::string_view name = {};
  TaskKind kind = TaskKind::single;
  TaskFormat format = TaskFormat::tab_separated;
  std::vector<Label> labels = {};
  Columns columns = {};
  /// Whether a file may have the number of a class, from 0, in place of its label, as on the Hugging Face hub.
  bool labels_by_number = true;
  /// Rows with this label are skipped and counted: their annotators did not agree.
  std::string_view unusable_label = {};
  /// Whether rows with too few or too many columns are skipped and counted, up to one in a thousand, since the original
  /// file has some.
  bool has_broken_rows = false;
  std::vector<TaskFile> train = {};
  std::vector<TaskFile> dev = {};
  std::vector<TaskFile> test = {};
  /// The scores to report; the first one says which checkpoint is best.
  std::vector<std::string_view> metrics = {};
};

/// Whether a class is asked for.
[[nodiscard]] inline bool is_classification(const Task& task) {
  return task.kind == TaskKind::single || task.kind == TaskKind::pair;
}
/// Whether tokens are foretold.
[[nodiscard]] inline bool is_language_model(const Task& task) {
  return task.kind == TaskKind::generation || task.kind == TaskKind::text;
}

/// Every task. To add one is to add an entry, and a reader where its files are written in a new way.
[[nodiscard]] const std::vector<Task>& tasks();

/// The task of this name, of the table or of the user's own (own_classes.hpp); refuses any other name.
[[nodiscard]] const Task& find_task(std::string_view name);

}  // namespace finetune
