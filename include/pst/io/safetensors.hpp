// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <utility>

#include "pst/io/mapped_file.hpp"
#include "pst/io/safetensors_header.hpp"
#include "pst/io/safetensors_writer.hpp"
#include "pst/io/tensor_table.hpp"

/// @defgroup io Files
/// Checkpoints in the safetensors format, read as untrusted input and written whole or not at all. Needs nlohmann/json.
namespace pst::PST_ABI::io {

/// A safetensors file, checked and open for reading.
/// @ingroup io
class Safetensors : public TensorTable {
 public:
  /// Maps the file at `path` and checks it. Nothing is copied: a tensor is read from the disk when it is touched.
  [[nodiscard]] static Safetensors open(const std::filesystem::path& path) {
    MappedFile file{path};
    SafetensorsContents contents = parse_safetensors(file.bytes(), path.string());
    return Safetensors{std::move(file), path.string(), std::move(contents)};
  }
  /// Checks a file that lies in memory, and must stay there; errors begin with `source_name`.
  [[nodiscard]] static Safetensors parse(std::span<const std::byte> file, std::string source_name) {
    SafetensorsContents contents = parse_safetensors(file, source_name);
    return Safetensors{MappedFile{}, std::move(source_name), std::move(contents)};
  }

 private:
  Safetensors(MappedFile file, std::string source, SafetensorsContents contents)
      : TensorTable{std::move(source), std::move(contents.entries), std::move(contents.metadata)},
        file_{std::move(file)} {}

  MappedFile file_;
};

}  // namespace pst::PST_ABI::io
