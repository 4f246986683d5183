// SPDX-License-Identifier: Apache-2.0
#include <pst/core/error.hpp>

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "own_classes.hpp"
#include "readers.hpp"
#include "text_lines.hpp"

namespace finetune {
namespace {

std::optional<long> number_in(std::string_view text) {
  long number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return number;
}

/// Numbers before words, 2 before 10.
bool comes_before(const std::string& a, const std::string& b) {
  const auto x = number_in(a), y = number_in(b);
  if (x && y && *x != *y) return *x < *y;
  if (x.has_value() != y.has_value()) return x.has_value();
  return a < b;
}

}  // namespace

std::string with_own_labels(std::string_view name, const std::filesystem::path& data) {
  if (!is_own_task(name) || name.find(':') != std::string_view::npos) return std::string{name};
  const Task task = unlabelled_task(name);
  const std::filesystem::path file = find_file(task, data, task.train.front());
  const std::set<std::string> labels = read_labels(task, file, most_classes);
  std::vector<std::string> sorted{labels.begin(), labels.end()};
  std::ranges::sort(sorted, comes_before);
  for (const std::string& label : sorted)
    pst::require(!label.empty() && label.find(',') == std::string::npos, file.string(), ": has the label ",
                 quoted(label), ", expected labels that are not empty and have no commas: write others in its place");
  pst::require(sorted.size() >= 2, file.string(), ": all rows have the label ", quoted(sorted.front()),
               ", expected at least two classes");
  return with_own_labels(name, sorted);
}

}  // namespace finetune
