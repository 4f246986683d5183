// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/core/error.hpp>
#include <pst/io/mapped_file.hpp>

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace finetune {

/// The whole of a text file; refuses one above a GiB.
class TextFile {
 public:
  explicit TextFile(const std::filesystem::path& path);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// Its bytes, without a byte order mark.
  [[nodiscard]] std::string_view text() const noexcept { return text_; }

 private:
  std::string name_;
  pst::io::MappedFile file_;
  std::string_view text_;
};

/// The lines of a text file from a stranger, one after the other, without their ends (LF or CRLF).
/// Refuses zero bytes, what is not UTF-8, and lines above `longest` bytes.
class TextLines {
 public:
  static constexpr std::size_t longest = std::size_t{1} << 20;

  explicit TextLines(const std::filesystem::path& path, std::size_t longest_line = longest);

  /// Goes to the next line; false when there is none.
  [[nodiscard]] bool next();
  [[nodiscard]] std::string_view line() const noexcept { return line_; }
  /// The number of the line, from 1.
  [[nodiscard]] std::size_t number() const noexcept { return number_; }
  [[nodiscard]] const std::string& file() const noexcept { return file_.name(); }
  /// The file and the line, as errors begin.
  [[nodiscard]] std::string place() const { return file() + " line " + std::to_string(number_); }

  /// Fails with the place and `parts`, unless `ok`.
  template <class... Parts>
  void require(bool ok, const Parts&... parts) const {
    if (!ok) pst::fail(place(), ": ", parts...);
  }

 private:
  TextFile file_;
  std::size_t longest_;
  std::string_view rest_;
  std::string_view line_;
  std::size_t number_ = 0;
};

/// A field fit for an error: in quotation marks, short, without control characters.
[[nodiscard]] std::string quoted(std::string_view field);

/// `text` without white space at its ends.
[[nodiscard]] std::string_view trimmed(std::string_view text);

}  // namespace finetune
