// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "finetune/tasks/task_data.hpp"
#include "io/files.hpp"

namespace finetune::test {

using pst::io::test::contains;
using pst::io::test::error_of;
using pst::io::test::TemporaryDirectory;
using pst::io::test::write_text;

/// What a file of this name and text holds for the task.
inline TaskData read_as(std::string_view task, std::string_view text, TaskPart part = TaskPart::train,
                        std::string_view name = "file.tsv") {
  const TemporaryDirectory folder;
  write_text(folder / name, text);
  return read_task_file(find_task(task), folder / name, part);
}

/// The error of reading it.
inline std::string error_as(std::string_view task, std::string_view text, TaskPart part = TaskPart::train,
                            std::string_view name = "file.tsv") {
  return error_of([&] { return read_as(task, text, part, name); });
}

}  // namespace finetune::test
