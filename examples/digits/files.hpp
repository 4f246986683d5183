// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace digits {

/// Writes a file that is there whole or not at all.
void write_file(const std::filesystem::path& path, std::string_view text);

/// The whole file; throws pst::Error when it cannot be read.
[[nodiscard]] std::string read_file(const std::filesystem::path& path);

/// Makes `folder` ready for results of `configuration`, a JSON object as text.
///
/// A new or empty folder is taken, one with the same configuration is continued. Any other is refused, with the first
/// setting that differs.
void open_results(const std::filesystem::path& folder, const std::string& configuration);

}  // namespace digits
