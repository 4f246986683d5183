// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>

#include "csv.hpp"
#include "readers.hpp"

namespace finetune {
namespace {

void read_lines(TextLines& lines, MeaningGroups& groups) {
  while (lines.next()) {
    if (trimmed(lines.line()).empty()) continue;
    const std::size_t at = lines.line().find("||");
    lines.require(at != std::string_view::npos, "is ", quoted(lines.line()), ", expected meaning||sentence");
    const auto meaning = trimmed(lines.line().substr(0, at)), sentence = trimmed(lines.line().substr(at + 2));
    lines.require(!meaning.empty() && !sentence.empty() && sentence.find("||") == std::string_view::npos, "is ",
                  quoted(lines.line()), ", expected a meaning, one || and a sentence");
    groups[meaning].references.emplace_back(sentence);
  }
}

std::string small_letters(std::string_view text) {
  std::string made{text};
  for (char& c : made)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return made;
}

/// Whether the file has references.
bool read_table(TextLines& lines, MeaningGroups& groups, TaskPart part) {
  std::vector<std::string> fields;
  if (!next_csv_record(lines, fields)) return true;
  const std::size_t count = fields.size();
  const auto place_of = [&](std::string_view name) {
    return static_cast<std::size_t>(
        std::find_if(fields.begin(), fields.end(), [&](const auto& f) { return small_letters(trimmed(f)) == name; }) -
        fields.begin());
  };
  const std::size_t meaning = place_of("mr"), sentence = place_of("ref");
  lines.require(meaning < count && (sentence < count || part == TaskPart::test), "is ", quoted(lines.line()),
                ", expected a header with the columns mr and ref");
  while (next_csv_record(lines, fields)) {
    lines.require(fields.size() == count, "ends a row of ", fields.size(), " columns, expected ", count,
                  " as in the header");
    lines.require(!trimmed(fields[meaning]).empty(), "has no meaning in the column mr");
    Meaning& found = groups[trimmed(fields[meaning])];
    if (sentence == count) continue;
    lines.require(!trimmed(fields[sentence]).empty(), "has no sentence in the column ref");
    found.references.emplace_back(trimmed(fields[sentence]));
  }
  return sentence < count;
}

}  // namespace

TaskData read_e2e(const std::filesystem::path& path, TaskPart part) {
  TextLines lines{path};
  TaskData data;
  MeaningGroups groups{data.meanings};
  if (small_letters(path.extension().string()) == ".csv")
    data.labelled = read_table(lines, groups, part);
  else
    read_lines(lines, groups);
  pst::require(!data.meanings.empty(), lines.file(), ": holds no meanings, expected some");
  return data;
}

}  // namespace finetune
