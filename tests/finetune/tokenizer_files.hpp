// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <system_error>

namespace tokenizer_test {

using json = nlohmann::json;

inline std::filesystem::path fixtures() { return std::filesystem::path{FINETUNE_DATA} / "tokenizers"; }

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

inline json read_json(const std::filesystem::path& path) { return json::parse(read_file(path)); }

/// A folder with files in it, which goes away with this.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "pst-tokenizer-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  /// The files of the fixture `name` but for the expected results.
  explicit Folder(std::string_view name) : Folder() {
    for (const auto& entry : std::filesystem::directory_iterator{fixtures() / name})
      if (entry.path().filename() != "cases.json") std::filesystem::copy(entry.path(), path_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  void write(std::string_view name, std::string_view text) const {
    std::ofstream file{path_ / name, std::ios::binary};
    file.write(text.data(), static_cast<std::streamsize>(text.size()));
  }

 private:
  std::filesystem::path path_;
};

}  // namespace tokenizer_test
