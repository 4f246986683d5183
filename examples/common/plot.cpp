// SPDX-License-Identifier: Apache-2.0
#include "common/plot.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "common/svg.hpp"

namespace common {

namespace {

// Okabe and Ito's colours, which stay apart for colour-blind eyes.
constexpr std::array<std::string_view, 6> colors{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"};
constexpr std::string_view quiet = "#6f7780", grid = "#e3e6ea";
constexpr double left = 74, right = 720, legend = 738, high = 190, gap = 62;

/// A round distance between grid lines, about a fifth of the range.
double grid_step(double range) {
  const double rough = std::max(range, 1e-6) / 5, power = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * power >= rough) return factor * power;
  return 10 * power;
}

/// One plot, its upper edge at `top`.
void draw_plot(Svg& svg, double top, const Plot& plot, double end) {
  double least = plot.axis == Axis::from_zero ? 0.0 : 1e300, most = -1e300;
  for (const Curve& curve : plot.curves)
    for (const Point& point : curve.points) least = std::min(least, point.y), most = std::max(most, point.y);
  if (least > most) least = 0, most = 1;
  const double every = std::max(grid_step(most - least), 0.01);  // as many digits as labels have
  const double low = every * std::floor(least / every + 1e-9),
               up = std::max(every * std::ceil(most / every - 1e-9), low + every);
  const auto at = [&](Point p) {
    return Point{left + (right - left) * p.x / end, top + high - high * (p.y - low) / (up - low)};
  };
  svg.text({left, top - 12}, plot.title, {.size = 15, .bold = true});
  for (double y = low; y <= up + every / 2; y += every) {
    svg.line(at({0, y}), at({end, y}), grid);
    svg.text({left - 8, at({0, y}).y + 4}, svg_number(y), {.size = 12, .anchor = "end", .color = quiet});
  }
  for (int tick = 0; tick <= 4; ++tick)
    svg.text({at({end * tick / 4.0, low}).x, top + high + 18}, svg_number(std::round(end * tick / 4.0)),
             {.size = 12, .anchor = "middle", .color = quiet});
  for (std::size_t c = 0; c < plot.curves.size(); ++c) {
    const std::string_view color = colors[c % colors.size()];
    std::vector<Point> points;
    for (const Point& point : plot.curves[c].points) points.push_back(at(point));
    if (points.size() == 1) svg.rectangle(points[0].x - 2, points[0].y - 2, 4, 4, color);
    svg.curve(points, color);
    const double y = top + 14 + 20 * static_cast<double>(c);
    svg.line({legend, y - 4}, {legend + 22, y - 4}, color, 3);
    svg.text({legend + 30, y}, plot.curves[c].name, {.size = 13});
  }
}

}  // namespace

std::string draw_plots(std::string_view title, std::span<const Plot> plots, double end, std::string_view x_title) {
  Svg svg{900, 90 + static_cast<double>(plots.size()) * (high + gap)};
  svg.text({30, 36}, title, {.size = 20, .bold = true});
  double top = 84;
  for (const Plot& plot : plots) {
    draw_plot(svg, top, plot, end);
    top += high + gap;
  }
  svg.text({(left + right) / 2, top - 14}, x_title, {.size = 13, .anchor = "middle"});
  return svg.finish();
}

}  // namespace common
