// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>

#include "readers.hpp"
#include "text_lines.hpp"

namespace finetune {
namespace {

using Fields = std::vector<std::string_view>;

void split_at_tabs(std::string_view line, Fields& fields) {
  fields.clear();
  for (std::size_t begin = 0;;) {
    const std::size_t end = std::min(line.find('\t', begin), line.size());
    fields.push_back(line.substr(begin, end - begin));
    if (end == line.size()) return;
    begin = end + 1;
  }
}

/// The columns of one file.
struct Found {
  std::size_t count = 0, first = 0;
  std::optional<std::size_t> second, label;
  bool has_header = true;
};

std::optional<std::size_t> place_of(const TextLines& lines, const Fields& header,
                                    const std::vector<std::string_view>& names) {
  std::optional<std::size_t> place;
  for (std::size_t i = 0; i < header.size(); ++i) {
    if (std::find(names.begin(), names.end(), header[i]) == names.end()) continue;
    lines.require(!place, "has the columns ", quoted(header[place.value_or(i)]), " and ", quoted(header[i]),
                  ", expected one of them");
    place = i;
  }
  return place;
}

std::string listed(const std::vector<std::string_view>& names) {
  std::string text;
  for (const auto name : names) text.append(text.empty() ? "" : " or ").append(quoted(name));
  return text;
}

Found find_columns(const Task& task, const TextLines& lines, const Fields& header, TaskPart part) {
  const auto first = place_of(lines, header, task.columns.first), second = place_of(lines, header, task.columns.second);
  const auto& headerless = task.columns.headerless;
  if (!first && headerless && header.size() == headerless->count)
    return {headerless->count, headerless->first, {}, headerless->label, false};
  const auto need = [&](bool found, const std::vector<std::string_view>& names) {
    lines.require(found, "has no column ", listed(names), ", which ", task.name, " needs; it begins with ",
                  quoted(lines.line()), ", expected a header of column names between tabs");
  };
  need(first.has_value(), task.columns.first);
  if (task.kind != TaskKind::single) need(second.has_value(), task.columns.second);
  const auto label = place_of(lines, header, task.columns.label);
  if (part != TaskPart::test) need(label.has_value(), task.columns.label);
  return {header.size(), *first, second, label, true};
}

class RowReader {
 public:
  RowReader(const Task& task, const TextLines& lines, TaskData& data) : task_{task}, lines_{lines}, data_{data} {}

  void read(const Found& columns, const Fields& fields) {
    if (fields.size() != columns.count) {
      const std::string why = lines_.place() + ": has " + std::to_string(fields.size()) + " columns between tabs";
      if (task_.has_broken_rows) return skip(why);
      pst::fail(why, ", expected ", columns.count, " as in line 1");
    }
    Example example{.first = std::string{fields[columns.first]}};
    if (columns.second) example.second = fields[*columns.second];
    if (columns.label) {
      const auto label = fields[*columns.label];
      if (!task_.unusable_label.empty() && label == task_.unusable_label)
        return skip(lines_.place() + ": has the label " + quoted(label));
      if (task_.kind == TaskKind::regression)
        example.score = score_of(label);
      else
        example.label = number_of(label);
    }
    data_.examples.push_back(std::move(example));
  }

 private:
  void skip(const std::string& why) {
    if (data_.skipped++ == 0) data_.first_skipped = why;
  }

  int number_of(std::string_view label) const {
    std::string known;
    for (std::size_t i = 0; i < task_.labels.size(); ++i) {
      if (task_.labels[i].in_file == label) return static_cast<int>(i);
      known.append(i == 0 ? "" : ", ").append(task_.labels[i].in_file);
    }
    pst::fail(lines_.place(), ": has the label ", quoted(label), ", expected one of ", known);
  }

  double score_of(std::string_view text) const {
    double score = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), score);
    lines_.require(error == std::errc{} && end == text.data() + text.size() && score >= 0 && score <= 5,
                   "has the score ", quoted(text), ", expected a number from 0 to 5");
    return score;
  }

  const Task& task_;
  const TextLines& lines_;
  TaskData& data_;
};

}  // namespace

TaskData read_tab_separated(const Task& task, const std::filesystem::path& path, TaskPart part) {
  TextLines lines{path};
  TaskData data;
  RowReader reader{task, lines, data};
  Fields fields;
  std::optional<Found> columns;
  std::size_t rows = 0, broken = 0;
  while (lines.next()) {
    if (lines.line().empty()) continue;
    split_at_tabs(lines.line(), fields);
    if (!columns) {
      columns = find_columns(task, lines, fields, part);
      if (columns->has_header) continue;
    }
    ++rows;
    if (fields.size() != columns->count) ++broken;
    reader.read(*columns, fields);
  }
  pst::require(columns.has_value(), lines.file(), ": is empty, expected the rows of ", task.name);
  pst::require(broken <= rows / 1000 + 1, lines.file(), ": ", broken, " of ", rows, " rows do not have the ",
               columns->count, " columns of line 1, the first is ", data.first_skipped);
  pst::require(!data.examples.empty(), lines.file(), ": has no usable rows below its header, expected some");
  data.labelled = columns->label.has_value();
  return data;
}

}  // namespace finetune
