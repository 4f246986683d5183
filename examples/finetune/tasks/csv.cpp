// SPDX-License-Identifier: Apache-2.0
#include "csv.hpp"

#include <algorithm>

namespace finetune {
namespace {

/// Takes a field in quotation marks, which may end lines further down; returns where it ends in the current line.
std::size_t take_quoted(TextLines& lines, std::size_t at, std::string& field) {
  const std::string begin = lines.place();
  for (;;) {
    const std::string_view line = lines.line();
    const std::size_t mark = line.find('"', at);
    field.append(line.substr(at, mark == std::string_view::npos ? mark : mark - at));
    if (field.size() > TextLines::longest)
      pst::fail(begin, ": has a field above ", TextLines::longest, " bytes, is a quotation mark missing?");
    if (mark == std::string_view::npos) {
      field += '\n';
      at = 0;
      if (!lines.next()) pst::fail(begin, ": a quotation mark is opened and never closed");
    } else if (line.substr(mark).starts_with("\"\"")) {
      field += '"';
      at = mark + 2;
    } else {
      lines.require(mark + 1 == line.size() || line[mark + 1] == ',',
                    "expected a comma or the end of the line behind the quotation mark in column ", mark + 1);
      return mark + 1;
    }
  }
}

}  // namespace

bool next_csv_record(TextLines& lines, std::vector<std::string>& fields) {
  fields.clear();
  do {
    if (!lines.next()) return false;
  } while (lines.line().empty());
  for (std::size_t at = 0;;) {
    std::string& field = fields.emplace_back();
    if (lines.line().substr(at).starts_with('"')) {
      at = take_quoted(lines, at + 1, field);
    } else {
      const std::size_t end = std::min(lines.line().find(',', at), lines.line().size());
      field = lines.line().substr(at, end - at);
      at = end;
    }
    if (at == lines.line().size()) return true;
    ++at;  // the comma
  }
}

}  // namespace finetune
