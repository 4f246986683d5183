// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstddef>

#include "common/svg.hpp"
#include "pictures.hpp"

namespace digits {

namespace {

constexpr std::string_view ink = "#20435c", bar = "#d98c2b", quiet = "#6f7780", paper = "#f4f6f8";
constexpr double cell = 2.6, bars = 60, gap = 8, margin = 46, top = 118;

struct Counts {
  std::vector<double> row, col;
  double kept = 0;
};

Counts count(const std::vector<float>& weight, std::size_t rows, std::size_t cols) {
  Counts made{std::vector<double>(rows), std::vector<double>(cols)};
  for (std::size_t i = 0; i < weight.size(); ++i)
    if (weight[i] != 0.0F) {
      ++made.row[i / cols];
      ++made.col[i % cols];
      ++made.kept;
    }
  return made;
}

/// Kept weights as one path; neighbours in a row become one rectangle.
std::string cells(const std::vector<float>& weight, std::size_t rows, std::size_t cols, double x, double y) {
  std::string data;
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < cols; ++c) {
      if (weight[r * cols + c] == 0.0F) continue;
      const std::size_t first = c;
      while (c + 1 < cols && weight[r * cols + c + 1] != 0.0F) ++c;
      const std::string wide = common::svg_number(cell * static_cast<double>(c + 1 - first));
      data += 'M' + common::svg_number(x + cell * static_cast<double>(first)) + ' ' +
              common::svg_number(y + cell * static_cast<double>(r)) + 'h' + wide + 'v' + common::svg_number(cell) +
              "h-" + wide + 'z';
    }
  return data;
}

/// How unequal counts are: their deviation over that of a mask drawn by chance.
std::string unevenness(const std::vector<double>& counts, double density, double places) {
  double mean = 0, square = 0;
  for (const double value : counts) mean += value / static_cast<double>(counts.size());
  for (const double value : counts) square += (value - mean) * (value - mean) / static_cast<double>(counts.size());
  const double by_lot = std::sqrt(std::max(1e-12, places * density * (1 - density)));
  return common::svg_number(std::round(10 * std::sqrt(square) / by_lot) / 10);
}

/// Only the first panel names its axes on the left.
void draw_panel(common::Svg& svg, const MaskPanel& panel, double x, double most_row, double most_col, bool first) {
  const auto rows = static_cast<std::size_t>(panel.weight.shape.at(0));
  const auto cols = static_cast<std::size_t>(panel.weight.shape.at(1));
  const std::vector<float> weight = panel.weight.values<float>();
  const Counts counts = count(weight, rows, cols);
  const double width = cell * static_cast<double>(cols), height = cell * static_cast<double>(rows);
  const double y = top + bars + gap;

  svg.text({x, top - 26}, panel.title, {.size = 16, .bold = true});
  const double density = counts.kept / static_cast<double>(weight.size());
  svg.text({x, top - 8},
           common::svg_number(100 * (1 - density)) + " % zero; unevenness of rows " +
               unevenness(counts.row, density, static_cast<double>(cols)) + ", columns " +
               unevenness(counts.col, density, static_cast<double>(rows)),
           {.size = 12, .color = quiet});
  svg.rectangle(x, y, width, height, paper);
  svg.path(cells(weight, rows, cols, x, y), ink);
  for (std::size_t c = 0; c < cols; ++c) {
    const double tall = bars * counts.col[c] / most_col;
    svg.rectangle(x + cell * static_cast<double>(c), y - gap - tall, cell * 0.85, tall, bar);
  }
  for (std::size_t r = 0; r < rows; ++r)
    svg.rectangle(x + width + gap, y + cell * static_cast<double>(r), bars * counts.row[r] / most_row, cell * 0.85,
                  bar);
  svg.line({x, y - gap}, {x + width, y - gap}, quiet, 0.8);
  svg.line({x + width + gap, y}, {x + width + gap, y + height}, quiet, 0.8);
  const common::TextStyle small{.size = 11, .color = quiet};
  svg.text({x + width + gap, y - gap - bars + 9}, common::svg_number(most_col), small);
  svg.line({x + width, y - gap - bars}, {x + width + 5, y - gap - bars}, quiet, 0.8);
  svg.text({x + width + gap + bars, y + height + 14}, common::svg_number(most_row),
           {.size = 11, .anchor = "end", .color = quiet});
  svg.text({x + width + gap, y + height + 14}, "0", small);
  svg.text({x + width + gap + bars / 2, y + height + 32}, "kept per row", {.size = 12, .anchor = "middle"});
  svg.text({x + width / 2, y + height + 18}, "input (column of the weight)", {.size = 12, .anchor = "middle"});
  if (!first) return;
  svg.text({x - 8, y + height / 2}, "output (row of the weight)", {.size = 12, .anchor = "middle", .turn = -90});
  svg.text({x - 8, y - gap - bars / 2}, "kept per", {.size = 12, .anchor = "end"});
  svg.text({x - 8, y - gap - bars / 2 + 14}, "column", {.size = 12, .anchor = "end"});
}

}  // namespace

std::string draw_masks(const std::string& layer, const std::vector<MaskPanel>& panels) {
  double most_row = 1, most_col = 1, tallest = 0, width = margin;
  for (const MaskPanel& panel : panels) {
    const auto rows = static_cast<std::size_t>(panel.weight.shape.at(0));
    const auto cols = static_cast<std::size_t>(panel.weight.shape.at(1));
    const Counts counts = count(panel.weight.values<float>(), rows, cols);
    most_row = std::max(most_row, std::ranges::max(counts.row));
    most_col = std::max(most_col, std::ranges::max(counts.col));
    tallest = std::max(tallest, cell * static_cast<double>(rows));
    width += margin + cell * static_cast<double>(cols) + gap + bars;
  }
  width = std::max(width, 760.0);
  common::Svg svg{width, top + bars + gap + tallest + 78};
  svg.text({margin - 14, 36}, "Which weights are kept: " + layer, {.size = 20, .bold = true});
  svg.text(
      {margin - 14, 58},
      "A dark cell is a weight that is kept. Bars count them per row and per column; all panels share their scale.",
      {.size = 13, .color = quiet});
  double x = margin + 14;
  for (const MaskPanel& panel : panels) {
    draw_panel(svg, panel, x, most_row, most_col, &panel == &panels.front());
    x += cell * static_cast<double>(panel.weight.shape.at(1)) + gap + bars + margin;
  }
  svg.text({margin - 14, top + bars + gap + tallest + 60},
           "Unevenness: the deviation of the counts over that of a mask drawn by chance; 1 is no structure at all.",
           {.size = 12, .color = quiet});
  return svg.finish();
}

}  // namespace digits
