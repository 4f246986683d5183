// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>

#include "csv.hpp"
#include "readers.hpp"
#include "text_lines.hpp"

namespace finetune {
namespace {

using Fields = std::vector<std::string>;

/// The next row of a file; false when there is none. In a file that ends in .csv there are commas between columns.
class RowLines {
 public:
  explicit RowLines(const std::filesystem::path& path) : lines_{path}, has_commas_{path.extension() == ".csv"} {}

  [[nodiscard]] bool next(Fields& fields);
  [[nodiscard]] const TextLines& lines() const noexcept { return lines_; }

 private:
  TextLines lines_;
  bool has_commas_;
};

void split_at_tabs(std::string_view line, Fields& fields) {
  fields.clear();
  for (std::size_t begin = 0;;) {
    const std::size_t end = std::min(line.find('\t', begin), line.size());
    fields.emplace_back(line.substr(begin, end - begin));
    if (end == line.size()) return;
    begin = end + 1;
  }
}

bool RowLines::next(Fields& fields) {
  if (has_commas_) return next_csv_record(lines_, fields);
  do {
    if (!lines_.next()) return false;
  } while (lines_.line().empty());
  split_at_tabs(lines_.line(), fields);
  return true;
}

/// The columns of one file.
struct Found {
  std::size_t count = 0, first = 0;
  std::optional<std::size_t> second, label, row;
  bool has_header = true;
};

std::optional<std::size_t> place_of(const TextLines& lines, const Fields& header,
                                    const std::vector<std::string_view>& names) {
  std::optional<std::size_t> place;
  for (std::size_t i = 0; i < header.size(); ++i) {
    if (std::find(names.begin(), names.end(), header[i]) == names.end()) continue;
    lines.require(!place, "has the columns ", finetune::quoted(header[place.value_or(i)]), " and ",
                  finetune::quoted(header[i]), ", expected one of them");
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
    return {headerless->count, headerless->first, {}, headerless->label, {}, false};
  const auto need = [&](bool found, const std::vector<std::string_view>& names) {
    lines.require(found, "has no column ", listed(names), ", which ", task.name, " needs; it begins with ",
                  quoted(lines.line()), ", expected a header of column names");
  };
  need(first.has_value(), task.columns.first);
  if (task.kind != TaskKind::single) need(second.has_value(), task.columns.second);
  const auto label = place_of(lines, header, task.columns.label);
  if (part != TaskPart::test) need(label.has_value(), task.columns.label);
  std::optional<std::size_t> row;
  for (std::size_t i = 0; i < task.columns.row.size() && !row; ++i)
    row = place_of(lines, header, {task.columns.row[i]});
  return {header.size(), *first, second, label, row, true};
}

class RowReader {
 public:
  RowReader(const Task& task, TaskPart part, const TextLines& lines, TaskData& data)
      : task_{task}, part_{part}, lines_{lines}, data_{data} {}

  /// `number` counts all rows from 0.
  void read(const Found& columns, const Fields& fields, std::size_t number) {
    if (fields.size() != columns.count) {
      const std::string why = lines_.place() + ": has " + std::to_string(fields.size()) + " columns";
      if (task_.has_broken_rows) return skip(why);
      pst::fail(why, ", expected ", columns.count, " as in line 1");
    }
    Example example{.first = fields[columns.first], .row = columns.row ? fields[*columns.row] : std::to_string(number)};
    if (columns.second) example.second = fields[*columns.second];
    if (columns.label) {
      const std::string_view label = fields[*columns.label];
      if (part_ != TaskPart::test && is_unusable(label))
        return skip(lines_.place() + ": has the label " + quoted(label));
      if (part_ == TaskPart::test && (label == "-1" || label == "-1.0"))
        ++unlabelled_;
      else if (task_.kind == TaskKind::regression)
        example.score = score_of(label);
      else
        example.label = number_of(label);
    }
    data_.examples.push_back(std::move(example));
  }

  /// Rows of a test file whose label is -1, which stands for none.
  [[nodiscard]] std::size_t unlabelled() const noexcept { return unlabelled_; }

 private:
  [[nodiscard]] bool is_unusable(std::string_view label) const {
    return !task_.unusable_label.empty() && (label == task_.unusable_label || label == "-1");
  }

  void skip(const std::string& why) {
    if (data_.skipped++ == 0) data_.first_skipped = why;
  }

  int number_of(std::string_view label) const {
    std::string known;
    for (std::size_t i = 0; i < task_.labels.size(); ++i) {
      if (task_.labels[i].in_file == label) return static_cast<int>(i);
      known.append(i == 0 ? "" : ", ").append(task_.labels[i].in_file);
    }
    for (std::size_t i = 0; i < task_.labels.size() && task_.labels_by_number; ++i)
      if (label == std::to_string(i)) return static_cast<int>(i);
    pst::fail(
        lines_.place(), ": has the label ", quoted(label), ", expected one of ", known,
        !task_.labels_by_number || task_.labels.front().in_file == "0" ? "" : ", or the number of a class from 0");
  }

  double score_of(std::string_view text) const {
    double score = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), score);
    lines_.require(error == std::errc{} && end == text.data() + text.size() && score >= 0 && score <= 5,
                   "has the score ", quoted(text), ", expected a number from 0 to 5");
    return score;
  }

  const Task& task_;
  TaskPart part_;
  const TextLines& lines_;
  TaskData& data_;
  std::size_t unlabelled_ = 0;
};

}  // namespace

std::set<std::string> read_labels(const Task& task, const std::filesystem::path& path, std::size_t most) {
  RowLines file{path};
  const TextLines& lines = file.lines();
  Fields fields;
  pst::require(file.next(fields), lines.file(), ": is empty, expected the rows of ", task.name);
  const Found columns = find_columns(task, lines, fields, TaskPart::train);
  std::set<std::string> labels;
  while (file.next(fields)) {
    lines.require(fields.size() == columns.count, "has ", fields.size(), " columns, expected ", columns.count,
                  " as in line 1");
    labels.insert(fields[columns.label.value()]);
    lines.require(labels.size() <= most, "has another label, ", quoted(fields[columns.label.value()]), ", than the ",
                  most, " before it, expected at most so many classes");
  }
  pst::require(!labels.empty(), lines.file(), ": has no rows below its header, expected some");
  return labels;
}

TaskData read_tab_separated(const Task& task, const std::filesystem::path& path, TaskPart part) {
  RowLines file{path};
  const TextLines& lines = file.lines();
  TaskData data;
  RowReader reader{task, part, lines, data};
  Fields fields;
  std::optional<Found> columns;
  std::size_t rows = 0, broken = 0;
  while (file.next(fields)) {
    if (!columns) {
      columns = find_columns(task, lines, fields, part);
      if (columns->has_header) continue;
    }
    ++rows;
    if (fields.size() != columns->count) ++broken;
    reader.read(*columns, fields, rows - 1);
  }
  pst::require(columns.has_value(), lines.file(), ": is empty, expected the rows of ", task.name);
  pst::require(broken <= rows / 1000 + 1, lines.file(), ": ", broken, " of ", rows, " rows do not have the ",
               columns->count, " columns of line 1, the first is ", data.first_skipped);
  pst::require(!data.examples.empty(), lines.file(), ": has no usable rows below its header, expected some");
  pst::require(reader.unlabelled() == 0 || reader.unlabelled() == data.examples.size(), lines.file(), ": ",
               reader.unlabelled(), " of ", data.examples.size(),
               " rows have the label -1, which stands for none: expected", " all or none of them");
  data.labelled = columns->label.has_value() && reader.unlabelled() == 0;
  return data;
}

}  // namespace finetune
