// SPDX-License-Identifier: Apache-2.0
// libFuzzer: the files of a task are a stranger's. They are read or refused with a pst::Error.
#include <pst/core/error.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>

#include "finetune/fuzz/input.hpp"
#include "finetune/tasks/task_data.hpp"
#include "io/files.hpp"

namespace {

using namespace finetune;

void use(const Task& task, const TaskData& data, TaskPart part) {
  const auto classes = static_cast<int>(task.labels.size());
  for (const Example& example : data.examples) {
    if (example.label < -1 || example.label >= classes) std::abort();
    if (part != TaskPart::test && classes > 0 && example.label < 0) std::abort();
  }
  for (const Meaning& meaning : data.meanings)
    if (part != TaskPart::test && meaning.references.empty()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static const pst::io::test::TemporaryDirectory folder;
  if (size == 0) return 0;
  const Task& task = tasks()[bytes[0] / 6U % tasks().size()];
  const TaskPart part = bytes[0] % 3 == 0 ? TaskPart::train : bytes[0] % 3 == 1 ? TaskPart::dev : TaskPart::test;
  const auto path = folder / (bytes[0] % 2 == 0 ? "file.txt" : "file.csv");
  pst::io::test::write_text(path, fuzz::text_of(bytes + 1, size - 1));
  try {
    use(task, read_task_file(task, path, part), part);
  } catch (const pst::Error&) {}
  return 0;
}
