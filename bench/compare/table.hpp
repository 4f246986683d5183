// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "measure.hpp"

namespace compare {

/// A table in Markdown, whose columns are as wide as they must be. The first is text, the others are numbers.
class Table {
 public:
  explicit Table(std::vector<std::string> head) { add(std::move(head)); }
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  friend std::ostream& operator<<(std::ostream& out, const Table& table);

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// Three digits that matter: 0.0123, 1.23, 12.3, 123.
[[nodiscard]] std::string number(double value);
/// The median, and the quartiles as "1.2 to 1.3".
[[nodiscard]] std::string median_of(const Timing& timing);
[[nodiscard]] std::string quartiles_of(const Timing& timing);
/// "0.87", of ratios.
[[nodiscard]] std::string ratio_text(double value);

}  // namespace compare
