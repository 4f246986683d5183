// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>

namespace common {

/// Writes a file that is there whole or not at all.
void write_file(const std::filesystem::path& path, std::string_view text);

/// The whole file; throws pst::Error when it cannot be read, or has more than `most` bytes.
[[nodiscard]] std::string read_file(const std::filesystem::path& path,
                                    std::size_t most = std::numeric_limits<std::size_t>::max());

}  // namespace common
