// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "io/files.hpp"

namespace tokenizer_test {

using json = nlohmann::json;

inline std::filesystem::path fixtures() { return std::filesystem::path{FINETUNE_DATA} / "tokenizers"; }

inline json read_json(const std::filesystem::path& path) { return json::parse(pst::io::test::read_text(path)); }

/// A folder with files in it, which goes away with this.
class Folder {
 public:
  Folder() = default;
  /// The files of the fixture `name` but for the expected results.
  explicit Folder(std::string_view name) {
    for (const auto& entry : std::filesystem::directory_iterator{fixtures() / name})
      if (entry.path().filename() != "cases.json") std::filesystem::copy(entry.path(), path());
  }

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return directory_.path(); }
  void write(std::string_view name, std::string_view text) const { pst::io::test::write_text(path() / name, text); }

 private:
  pst::io::test::TemporaryDirectory directory_;
};

}  // namespace tokenizer_test
