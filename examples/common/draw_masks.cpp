// SPDX-License-Identifier: Apache-2.0
#include "common/draw_masks.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdio>

#include "common/svg.hpp"

namespace common {

namespace {

constexpr std::string_view bar = "#d98c2b", quiet = "#6f7780", paper = "#f4f6f8";
constexpr double cell = 2.6, bars = 60, gap = 8, margin = 46, top = 118;

constexpr std::size_t most_cells = 512, shades = 8;

/// A mask as it is drawn: in cells, each a square of weights where the layer is large.
struct Drawn {
  std::size_t rows = 0, cols = 0;  ///< in cells
  std::vector<double> share;       ///< of the weights of a cell, those that are kept
  std::vector<double> row, col;    ///< weights kept per row and column of the layer, the mean over those of a cell
  std::vector<double> all_row, all_col;
  double density = 0;
};

/// The means of every `square` neighbours.
std::vector<double> means(const std::vector<double>& all, std::size_t square) {
  std::vector<double> made;
  for (std::size_t first = 0; first < all.size(); first += square) {
    const std::size_t last = std::min(all.size(), first + square);
    double sum = 0;
    for (std::size_t i = first; i < last; ++i) sum += all[i];
    made.push_back(sum / static_cast<double>(last - first));
  }
  return made;
}

/// How many weights one side of a cell has.
std::size_t square_of(const MaskPanel& panel) {
  const auto longest = static_cast<std::size_t>(std::max(panel.weight.shape.at(0), panel.weight.shape.at(1)));
  return (std::max<std::size_t>(longest, 1) - 1) / most_cells + 1;
}

Drawn drawn(const MaskPanel& panel) {
  const auto rows = static_cast<std::size_t>(panel.weight.shape.at(0));
  const auto cols = static_cast<std::size_t>(panel.weight.shape.at(1));
  const std::size_t square = square_of(panel);
  const std::vector<float> weight = panel.weight.values<float>();
  Drawn made;
  made.rows = (rows - 1) / square + 1;
  made.cols = (cols - 1) / square + 1;
  made.share.resize(made.rows * made.cols);
  made.all_row.resize(rows);
  made.all_col.resize(cols);
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < cols; ++c) {
      if (weight[r * cols + c] == 0.0F) continue;
      const double places = static_cast<double>(std::min(square, rows - r / square * square) *
                                                std::min(square, cols - c / square * square));
      made.share[r / square * made.cols + c / square] += 1 / places;
      ++made.all_row[r];
      ++made.all_col[c];
    }
  for (const double kept : made.all_row) made.density += kept;
  made.density /= static_cast<double>(weight.size());
  made.row = means(made.all_row, square);
  made.col = means(made.all_col, square);
  return made;
}

/// How dark a cell is, from 0 to `shades`.
std::size_t shade(double share, double fullest) {
  return share <= 0 ? 0 : static_cast<std::size_t>(std::ceil(static_cast<double>(shades) * share / fullest - 1e-9));
}

/// The colour of a shade, between those of paper and ink.
std::string color_of(std::size_t of) {
  constexpr std::array<int, 3> light{0xf4, 0xf6, 0xf8}, dark{0x20, 0x43, 0x5c};
  std::array<int, 3> mixed{};
  for (std::size_t i = 0; i < 3; ++i)
    mixed.at(i) = light.at(i) + (dark.at(i) - light.at(i)) * static_cast<int>(of) / static_cast<int>(shades);
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "#%02x%02x%02x", static_cast<unsigned>(mixed[0] & 0xFF),
                static_cast<unsigned>(mixed[1] & 0xFF), static_cast<unsigned>(mixed[2] & 0xFF));
  return text.data();
}

/// The cells of one shade as one path; neighbours in a row become one rectangle.
std::string cells(const Drawn& mask, std::size_t wanted, double fullest, double x, double y) {
  const auto is_wanted = [&](std::size_t r, std::size_t c) {
    return c < mask.cols && shade(mask.share[r * mask.cols + c], fullest) == wanted;
  };
  std::string data;
  for (std::size_t r = 0; r < mask.rows; ++r)
    for (std::size_t c = 0; c < mask.cols; ++c) {
      if (!is_wanted(r, c)) continue;
      const std::size_t first = c;
      while (is_wanted(r, c + 1)) ++c;
      const std::string wide = svg_number(cell * static_cast<double>(c + 1 - first));
      data += 'M' + svg_number(x + cell * static_cast<double>(first)) + ' ' +
              svg_number(y + cell * static_cast<double>(r)) + 'h' + wide + 'v' + svg_number(cell) + "h-" + wide + 'z';
    }
  return data;
}

/// How unequal counts are: their deviation over that of a mask drawn by chance.
std::string unevenness(const std::vector<double>& counts, double density, double places) {
  double mean = 0, square = 0;
  for (const double value : counts) mean += value / static_cast<double>(counts.size());
  for (const double value : counts) square += (value - mean) * (value - mean) / static_cast<double>(counts.size());
  const double by_lot = std::sqrt(std::max(1e-12, places * density * (1 - density)));
  return svg_number(std::round(10 * std::sqrt(square) / by_lot) / 10);
}

/// What all panels share.
struct Scale {
  double row = 1, col = 1, fullest = 0;
};

/// Only the first panel names its axes on the left.
void draw_panel(Svg& svg, const MaskPanel& panel, const Drawn& mask, double x, const Scale& scale, bool first) {
  const double width = cell * static_cast<double>(mask.cols), height = cell * static_cast<double>(mask.rows);
  const double y = top + bars + gap;

  svg.text({x, top - 26}, panel.title, {.size = 16, .bold = true});
  svg.text({x, top - 8},
           svg_number(100 * (1 - mask.density)) + " % zero; unevenness of rows " +
               unevenness(mask.all_row, mask.density, static_cast<double>(mask.all_col.size())) + ", columns " +
               unevenness(mask.all_col, mask.density, static_cast<double>(mask.all_row.size())),
           {.size = 12, .color = quiet});
  svg.rectangle(x, y, width, height, paper);
  for (std::size_t each = 1; each <= shades; ++each)
    if (const std::string data = cells(mask, each, scale.fullest, x, y); !data.empty()) svg.path(data, color_of(each));
  for (std::size_t c = 0; c < mask.cols; ++c) {
    const double tall = bars * mask.col[c] / scale.col;
    svg.rectangle(x + cell * static_cast<double>(c), y - gap - tall, cell * 0.85, tall, bar);
  }
  for (std::size_t r = 0; r < mask.rows; ++r)
    svg.rectangle(x + width + gap, y + cell * static_cast<double>(r), bars * mask.row[r] / scale.row, cell * 0.85, bar);
  svg.line({x, y - gap}, {x + width, y - gap}, quiet, 0.8);
  svg.line({x + width + gap, y}, {x + width + gap, y + height}, quiet, 0.8);
  const TextStyle small{.size = 11, .color = quiet};
  svg.text({x + width + gap, y - gap - bars + 9}, svg_number(scale.col), small);
  svg.line({x + width, y - gap - bars}, {x + width + 5, y - gap - bars}, quiet, 0.8);
  svg.text({x + width + gap + bars, y + height + 14}, svg_number(scale.row),
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
  Scale scale;
  double tallest = 0, width = margin;
  std::size_t square = 1;
  std::vector<Drawn> masks;
  for (const MaskPanel& panel : panels) {
    const Drawn& mask = masks.emplace_back(drawn(panel));
    square = std::max(square, square_of(panel));
    scale.row = std::max(scale.row, std::ranges::max(mask.row));
    scale.col = std::max(scale.col, std::ranges::max(mask.col));
    scale.fullest = std::max(scale.fullest, std::ranges::max(mask.share));
    tallest = std::max(tallest, cell * static_cast<double>(mask.rows));
    width += margin + cell * static_cast<double>(mask.cols) + gap + bars;
  }
  width = std::max(width, 760.0);
  Svg svg{width, top + bars + gap + tallest + 78};
  svg.text({margin - 14, 36}, "Which weights are kept: " + layer, {.size = 20, .bold = true});
  const std::string side = std::to_string(square);
  svg.text({margin - 14, 58},
           (square == 1 ? "A dark cell is a weight that is kept."
                        : "A cell is up to " + side + " x " + side + " weights, darker the more of them are kept.") +
               " Bars count them per row and per column; all panels share their scale.",
           {.size = 13, .color = quiet});
  double x = margin + 14;
  for (std::size_t i = 0; i < panels.size(); ++i) {
    draw_panel(svg, panels[i], masks[i], x, scale, i == 0);
    x += cell * static_cast<double>(masks[i].cols) + gap + bars + margin;
  }
  svg.text({margin - 14, top + bars + gap + tallest + 60},
           "Unevenness: the deviation of the counts over that of a mask drawn by chance; 1 is no structure at all.",
           {.size = 12, .color = quiet});
  return svg.finish();
}

}  // namespace common
