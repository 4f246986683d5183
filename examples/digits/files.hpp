// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

namespace digits {

/// Makes `folder` ready for results of `configuration`, a JSON object as text.
///
/// A new or empty folder is taken, one with the same configuration is continued. Any other is refused, with the first
/// setting that differs.
void open_results(const std::filesystem::path& folder, const std::string& configuration);

}  // namespace digits
