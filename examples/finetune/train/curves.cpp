// SPDX-License-Identifier: Apache-2.0
#include "finetune/train/curves.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <vector>

#include "common/svg.hpp"

namespace finetune {

namespace {

using common::Point;
using common::Svg;
using common::svg_number;

// Okabe and Ito's colours, which stay apart for colour-blind eyes.
constexpr std::array<std::string_view, 6> colors{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"};
constexpr std::string_view quiet = "#6f7780", grid = "#e3e6ea";
constexpr double left = 74, right = 720, legend = 738, high = 190, gap = 62;

struct Curve {
  std::string name;
  std::vector<Point> points;  ///< x is a step
};

/// A round distance between grid lines, about a fifth of the range.
double grid_step(double range) {
  const double rough = std::max(range, 1e-6) / 5, power = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * power >= rough) return factor * power;
  return 10 * power;
}

enum class Axis { of_the_values, from_zero };

/// One plot, its upper edge at `top`.
void draw_plot(Svg& svg, double top, std::string_view title, const std::vector<Curve>& curves, double steps,
               Axis axis) {
  double least = axis == Axis::from_zero ? 0.0 : 1e300, most = -1e300;
  for (const Curve& curve : curves)
    for (const Point& point : curve.points) least = std::min(least, point.y), most = std::max(most, point.y);
  if (least > most) least = 0, most = 1;
  const double every = std::max(grid_step(most - least), 0.01);  // as many digits as labels have
  const double low = every * std::floor(least / every + 1e-9),
               up = std::max(every * std::ceil(most / every - 1e-9), low + every);
  const auto at = [&](Point p) {
    return Point{left + (right - left) * p.x / steps, top + high - high * (p.y - low) / (up - low)};
  };
  svg.text({left, top - 12}, title, {.size = 15, .bold = true});
  for (double y = low; y <= up + every / 2; y += every) {
    svg.line(at({0, y}), at({steps, y}), grid);
    svg.text({left - 8, at({0, y}).y + 4}, svg_number(y), {.size = 12, .anchor = "end", .color = quiet});
  }
  for (int tick = 0; tick <= 4; ++tick)
    svg.text({at({steps * tick / 4.0, low}).x, top + high + 18}, svg_number(std::round(steps * tick / 4.0)),
             {.size = 12, .anchor = "middle", .color = quiet});
  for (std::size_t c = 0; c < curves.size(); ++c) {
    const std::string_view color = colors[c % colors.size()];
    std::vector<Point> points;
    for (const Point& point : curves[c].points) points.push_back(at(point));
    if (points.size() == 1) svg.rectangle(points[0].x - 2, points[0].y - 2, 4, 4, color);
    svg.curve(points, color);
    const double y = top + 14 + 20 * static_cast<double>(c);
    svg.line({legend, y - 4}, {legend + 22, y - 4}, color, 3);
    svg.text({legend + 30, y}, curves[c].name, {.size = 13});
  }
}

}  // namespace

std::string draw_run(const std::string& title, std::span<const Record> records, std::int64_t steps) {
  Curve train{"training", {}}, dev{"dev data", {}}, sparsity{"sparsity", {}};
  std::vector<Curve> scores;
  bool is_sparse = false;
  for (const Record& record : records) {
    const auto step = static_cast<double>(record.step);
    if (record.loss) train.points.push_back({step, *record.loss});
    if (record.dev_loss) dev.points.push_back({step, *record.dev_loss});
    sparsity.points.push_back({step, 100 * record.sparsity});
    is_sparse = is_sparse || record.sparsity > 0;
    for (const Record::Named& score : record.scores) {
      if (std::isnan(score.value)) continue;
      auto curve = std::ranges::find(scores, score.name, &Curve::name);
      if (curve == scores.end()) curve = scores.insert(scores.end(), {score.name, {}});
      curve->points.push_back({step, score.value});
    }
  }
  const auto all = static_cast<double>(std::max<std::int64_t>(1, steps));
  const double plots = 1 + (scores.empty() ? 0 : 1) + (is_sparse ? 1 : 0);
  Svg svg{900, 90 + plots * (high + gap)};
  svg.text({30, 36}, title, {.size = 20, .bold = true});
  double top = 84;
  const auto plot = [&](std::string_view name, const std::vector<Curve>& curves, Axis axis = Axis::of_the_values) {
    draw_plot(svg, top, name, curves, all, axis);
    top += high + gap;
  };
  plot("Loss", {train, dev});
  if (!scores.empty()) plot("Scores on the dev data", scores);
  if (is_sparse) plot("Sparsity of the linear layers in the blocks, %", {sparsity}, Axis::from_zero);
  svg.text({(left + right) / 2, top - 14}, "optimizer steps", {.size = 13, .anchor = "middle"});
  return svg.finish();
}

}  // namespace finetune
