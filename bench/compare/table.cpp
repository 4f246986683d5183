// SPDX-License-Identifier: Apache-2.0
#include "table.hpp"

#include <algorithm>
#include <cstdio>

namespace compare {

std::ostream& operator<<(std::ostream& out, const Table& table) {
  std::vector<std::size_t> widths;
  for (const auto& row : table.rows_) {
    widths.resize(std::max(widths.size(), row.size()), 2);
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  }
  const auto line = [&](const std::vector<std::string>& row) {
    for (std::size_t c = 0; c < widths.size(); ++c) {
      const std::string& cell = row[c];
      const std::string gap(widths[c] - cell.size(), ' ');
      out << "| " << (c == 0 ? cell + gap : gap + cell) << ' ';
    }
    out << "|\n";
  };
  line(table.rows_.front());
  for (std::size_t c = 0; c < widths.size(); ++c)
    out << '|' << std::string(widths[c] + (c == 0 ? 2 : 1), '-') << (c == 0 ? "" : ":");
  out << "|\n";
  std::for_each(table.rows_.begin() + 1, table.rows_.end(), line);
  return out;
}

std::string number(double value) {
  char text[32];
  const int decimals = value < 0.1 ? 4 : value < 1 ? 3 : value < 10 ? 2 : value < 100 ? 1 : 0;
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

std::string median_of(const Timing& timing) { return number(timing.median()); }

std::string quartiles_of(const Timing& timing) {
  return number(quantile(timing.ms, 0.25)) + " to " + number(quantile(timing.ms, 0.75));
}

std::string ratio_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", value);
  return text;
}

}  // namespace compare
