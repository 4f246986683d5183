// SPDX-License-Identifier: Apache-2.0
#include "common/files.hpp"

#include <pst/core/error.hpp>
#include <pst/io/atomic_file.hpp>

#include <fstream>
#include <iterator>
#include <span>

namespace common {

namespace fs = std::filesystem;

void write_file(const fs::path& path, std::string_view text) {
  pst::io::AtomicFile file{path};
  file.write(std::as_bytes(std::span{text}));
  file.commit();
}

std::string read_file(const fs::path& path, std::size_t most) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  pst::require(error || size <= most, path.string(), ": has ", size, " bytes, expected at most ", most);
  std::ifstream file{path, std::ios::binary};
  pst::require(!error && file.is_open(), "cannot read ", path);
  std::string text{std::istreambuf_iterator<char>{file}, {}};
  return text;
}

}  // namespace common
