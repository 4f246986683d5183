// SPDX-License-Identifier: Apache-2.0
#include <pst/core/error.hpp>

#include <algorithm>
#include <limits>
#include <string>

#include "readers.hpp"
#include "task_data.hpp"
#include "text_lines.hpp"

namespace finetune {

namespace fs = std::filesystem;

TaskData read_plain(const fs::path& path) {
  TextLines lines{path, std::numeric_limits<std::size_t>::max()};
  TaskData data;
  while (lines.next()) data.text.append(lines.line()).append("\n");
  pst::require(!trimmed(data.text).empty(), lines.file(), ": holds no text, expected some");
  // A line end that the file does not have is not made up.
  if (!TextFile{path}.text().ends_with('\n')) data.text.pop_back();
  return data;
}

TaskData read_task_file(const Task& task, const fs::path& path, TaskPart part) {
  switch (task.format) {
    case TaskFormat::tab_separated: return read_tab_separated(task, path, part);
    case TaskFormat::e2e: return read_e2e(path, part);
    case TaskFormat::webnlg: return read_webnlg(path, part);
    case TaskFormat::dart: return read_dart(path, part);
    case TaskFormat::plain: return read_plain(path);
  }
  pst::fail("the task ", task.name, " has a format without a reader");
}

fs::path find_file(const Task& task, const fs::path& folder, const TaskFile& file) {
  std::string tried;
  for (const auto name : file.names) {
    std::error_code ignored;
    if (const fs::path path = folder / name; fs::is_regular_file(path, ignored)) return path;
    tried.append(tried.empty() ? "" : " or ").append(name);
  }
  pst::fail(folder.string(), ": has no file ", tried, ", expected the files of ", task.name,
            ": give the folder that holds them with --data");
}

namespace {

TaskData part_of_text(TaskData whole, const fs::path& path, TaskPart part) {
  std::size_t cut = whole.text.find('\n', whole.text.size() / 10 * 9);
  cut = std::min(cut == std::string::npos ? cut : cut + 1, whole.text.size());
  whole.text = part == TaskPart::train ? whole.text.substr(0, cut) : whole.text.substr(cut);
  pst::require(!trimmed(whole.text).empty(), path.string(),
               ": its last tenth holds no text to test on, give a folder with train.txt and valid.txt instead");
  return whole;
}

}  // namespace

std::vector<TaskData> load_task(const Task& task, const fs::path& data, TaskPart part) {
  std::error_code ignored;
  if (task.kind == TaskKind::text && fs::is_regular_file(data, ignored)) {
    std::vector<TaskData> loaded;
    loaded.push_back(part_of_text(read_plain(data), data, part));
    return loaded;
  }
  pst::require(fs::is_directory(data, ignored), data.string(),
               ": is not a folder, expected the one that holds the files of ", task.name);
  const auto& files = part == TaskPart::train ? task.train : part == TaskPart::dev ? task.dev : task.test;
  std::vector<TaskData> loaded;
  for (const TaskFile& file : files) {
    loaded.push_back(read_task_file(task, find_file(task, data, file), part));
    loaded.back().title = file.title;
  }
  return loaded;
}

}  // namespace finetune
