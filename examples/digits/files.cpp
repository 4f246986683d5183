// SPDX-License-Identifier: Apache-2.0
#include "files.hpp"

#include <pst/core/error.hpp>

#include <nlohmann/json.hpp>

#include "common/files.hpp"

namespace digits {

namespace fs = std::filesystem;

void open_results(const fs::path& folder, const std::string& configuration) {
  pst::require(!fs::exists(folder) || fs::is_directory(folder), "--out ", folder,
               " is a file, expected a folder: give another --out");
  const fs::path marker = folder / "configuration.json";
  if (fs::exists(folder) && !fs::is_empty(folder)) {
    pst::require(fs::exists(marker), "--out ", folder,
                 " holds other files and no configuration.json: ", "give an empty or a new folder");
    const auto wanted = nlohmann::json::parse(configuration);
    const auto found = nlohmann::json::parse(common::read_file(marker), nullptr, false);
    pst::require(found.is_object(), marker, " is not a JSON object: delete the folder or give another --out");
    for (const auto& [key, value] : wanted.items())
      pst::require(found.contains(key) && found[key] == value, "--out ", folder, " holds results with ", key, " = ",
                   found.contains(key) ? found[key].dump() : "(none)", ", this run has ", key, " = ", value.dump(),
                   ": give another --out, or the same settings to continue");
  }
  for (const char* inside : {"runs", "models", "pictures"}) fs::create_directories(folder / inside);
  if (!fs::exists(marker)) common::write_file(marker, configuration);
}

}  // namespace digits
