// SPDX-License-Identifier: Apache-2.0
#include "text_lines.hpp"

#include <pst/io/strict_json.hpp>

#include <algorithm>

namespace finetune {

TextFile::TextFile(const std::filesystem::path& path) : name_{path.string()}, file_{path} {
  constexpr std::size_t most = std::size_t{1} << 30;
  const auto bytes = file_.bytes();
  pst::require(bytes.size() <= most, name_, ": has ", bytes.size(), " bytes, expected at most ", most,
               ": is it a task's file?");
  text_ = {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
}

TextLines::TextLines(const std::filesystem::path& path, std::size_t longest_line)
    : file_{path}, longest_{longest_line}, rest_{file_.text()} {}

bool TextLines::next() {
  if (rest_.empty()) return false;
  ++number_;
  const std::size_t end = std::min(rest_.find('\n'), rest_.size());
  line_ = rest_.substr(0, end);
  rest_.remove_prefix(std::min(end + 1, rest_.size()));
  if (line_.ends_with('\r')) line_.remove_suffix(1);
  require(line_.size() <= longest_, "has ", line_.size(), " bytes, expected at most ", longest_,
          ": is it a text file with lines?");
  require(line_.find('\0') == std::string_view::npos, "holds a zero byte, expected text");
  require(pst::io::is_utf8(line_), "is not UTF-8, expected a text file in UTF-8");
  return true;
}

std::string quoted(std::string_view field) { return '"' + pst::io::printable(field) + '"'; }

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view spaces = " \t\n\v\f\r";
  const std::size_t first = text.find_first_not_of(spaces);
  return first == std::string_view::npos ? std::string_view{}
                                         : text.substr(first, text.find_last_not_of(spaces) - first + 1);
}

}  // namespace finetune
