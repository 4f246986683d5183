// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/io/element_type.hpp>

#include <cstddef>
#include <filesystem>
#include <string>

namespace finetune {

/// What the command line of `export` says; what is empty is not written.
struct ExportCommand {
  std::filesystem::path run{}, base{};
  std::string checkpoint = "best";  ///< or last
  std::filesystem::path folder{}, archive{}, task_file{}, lora{}, ia3{}, prompt{}, adapters{};
  std::string type = "f32";
  bool scores = false, overwrite = false, layers = false;
  std::size_t probes = 64;
  int threads = 0;
};

/// The numbers that --type names: "f32", "f16" or "bf16".
[[nodiscard]] pst::io::ElementType element_type_called(const std::string& name);

/// Writes the model of a run in every form that is asked for, reads each again, and says on stdout what was found.
void export_run(const ExportCommand& options);

}  // namespace finetune
