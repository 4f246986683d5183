// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "task_data.hpp"

namespace finetune {

/// Gathers the sentences of each meaning, wherever in a file they are.
class MeaningGroups {
 public:
  explicit MeaningGroups(std::vector<Meaning>& meanings) : meanings_{meanings} {}

  /// The meaning with this text, new or known.
  Meaning& operator[](std::string_view text) {
    const auto [at, is_new] = index_.try_emplace(std::string{text}, meanings_.size());
    if (is_new) meanings_.push_back({std::string{text}, {}});
    return meanings_[at->second];
  }

 private:
  std::vector<Meaning>& meanings_;
  std::unordered_map<std::string, std::size_t> index_;
};

/// GLUE's files: columns between tabs, no quotation marks and no escapes, or in a file that ends in .csv commas and
/// quotation marks; empty lines are passed over. Columns may be called and classes numbered as on the Hugging Face hub;
/// there -1 stands for no label in a test file.
[[nodiscard]] TaskData read_tab_separated(const Task& task, const std::filesystem::path& path, TaskPart part);

/// The labels that such a file has, each once. Refuses a file without rows, and one that has more than `most` of them.
[[nodiscard]] std::set<std::string> read_labels(const Task& task, const std::filesystem::path& path, std::size_t most);

/// The first file of these names in the folder; refuses a folder that has none.
[[nodiscard]] std::filesystem::path find_file(const Task& task, const std::filesystem::path& folder,
                                              const TaskFile& file);

/// E2E: `meaning||sentence` lines, or in a file that ends in .csv the challenge's columns `mr` and `ref`.
[[nodiscard]] TaskData read_e2e(const std::filesystem::path& path, TaskPart part);

/// WebNLG's JSON of 2017; the meaning is `subject : property : object | ...`, as microsoft/LoRA writes it.
/// Lexicalisations whose comment is neither "good" nor empty are left out, as there, as are those of other languages
/// than English, which the files of 2020 have; entries that keep none are skipped.
[[nodiscard]] TaskData read_webnlg(const std::filesystem::path& path, TaskPart part);

/// DART's JSON; the meaning is `subject : relation : object | ...` with the relation in lower case, as microsoft/LoRA
/// writes it.
[[nodiscard]] TaskData read_dart(const std::filesystem::path& path, TaskPart part);

/// Running text as it stands, with LF at its line ends.
[[nodiscard]] TaskData read_plain(const std::filesystem::path& path);

}  // namespace finetune
