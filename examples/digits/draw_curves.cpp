// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string_view>

#include "common/svg.hpp"
#include "pictures.hpp"

namespace digits {

namespace {

/// Okabe and Ito's colours, which stay apart for colour-blind eyes; in the order of `method_table`.
constexpr std::array<std::string_view, method_table.size()> colors{"#000000", "#e69f00", "#0072b2", "#56b4e9",
                                                                   "#d55e00", "#009e73", "#cc79a7"};
constexpr std::string_view quiet = "#6f7780", grid = "#e3e6ea";
constexpr double left = 74, right = 790, legend = 812;

struct Range {
  double least = 1e9, most = -1e9, sum = 0;
  int count = 0;

  void add(double value) {
    least = std::min(least, value);
    most = std::max(most, value);
    sum += value;
    ++count;
  }
  [[nodiscard]] double mean() const { return sum / count; }
};
using Curve = std::map<int, Range>;  ///< by step

/// A plot of percentages over steps.
struct Axes {
  common::Svg& svg;
  double top, bottom, low, high;
  int steps;

  [[nodiscard]] common::Point at(double step, double percent) const {
    const double p = std::clamp(percent, low, high);
    return {left + (right - left) * step / steps, bottom - (bottom - top) * (p - low) / (high - low)};
  }
  void draw(std::string_view title, double every, bool with_steps) const {
    svg.text({left, top - 12}, title, {.size = 15, .bold = true});
    for (double p = low; p <= high + 1e-9; p += every) {
      svg.line(at(0, p), at(steps, p), grid);
      svg.text({left - 8, at(0, p).y + 4}, common::svg_number(p) + " %", {.size = 12, .anchor = "end", .color = quiet});
    }
    if (with_steps) {
      for (int tick = 0; tick <= 4; ++tick)
        svg.text({at(steps * tick / 4.0, low).x, bottom + 18}, common::svg_number(steps * tick / 4.0),
                 {.size = 12, .anchor = "middle", .color = quiet});
      svg.text({(left + right) / 2, bottom + 40}, "optimizer steps", {.size = 13, .anchor = "middle"});
    }
  }
  void plot(const Curve& curve, std::string_view color) const {
    std::vector<common::Point> middle, outline;
    for (const auto& [step, range] : curve) {
      middle.push_back(at(step, range.mean()));
      outline.push_back(at(step, range.most));
    }
    for (auto point = curve.rbegin(); point != curve.rend(); ++point)
      outline.push_back(at(point->first, point->second.least));
    svg.area(outline, color, 0.13);
    svg.curve(middle, color);
  }
};

}  // namespace

std::string draw_curves(double sparsity, const std::vector<RunSpec>& specs, const std::vector<RunResult>& results) {
  std::array<Curve, method_table.size()> accuracy, zeros;
  int steps = 1;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const auto m = place_of(specs[i].method);
    for (const CurvePoint& point : results[i].curve) {
      accuracy[m][point.step].add(100 * point.accuracy);
      zeros[m][point.step].add(100 * point.sparsity);
      steps = std::max(steps, point.step);
    }
  }
  double least = 100;
  for (const Curve& curve : accuracy)
    for (const auto& [step, range] : curve) least = std::min(least, range.least);

  common::Svg svg{990, 700};
  svg.text({30, 36}, "Fine-tuning to " + common::svg_number(100 * sparsity) + " % sparsity",
           {.size = 20, .bold = true});
  svg.text({30, 58}, "Lines are means over the seeds, the shade reaches from the worst to the best of them.",
           {.size = 13, .color = quiet});
  const Axes above{svg, 100, 400, std::min(80.0, 10 * static_cast<double>(static_cast<int>(least / 10))), 100, steps};
  const Axes below{svg, 450, 630, 0, 100, steps};
  above.draw("Accuracy on the unseen writers", 10, false);
  below.draw("Sparsity: zeros in the linear layers of the encoder", 25, true);

  std::vector<std::pair<double, std::size_t>> order;
  for (std::size_t m = 0; m < accuracy.size(); ++m) {
    if (accuracy[m].empty()) continue;
    above.plot(accuracy[m], colors[m]);
    below.plot(zeros[m], colors[m]);
    order.emplace_back(-accuracy[m].rbegin()->second.mean(), m);
  }
  std::ranges::sort(order);
  svg.text({legend, 96}, "accuracy at the end", {.size = 13, .color = quiet});
  double y = 120;
  for (const auto& [value, m] : order) {
    svg.line({legend, y - 4}, {legend + 22, y - 4}, colors[m], 4);
    svg.text({legend + 30, y}, method_table[m].title, {.size = 13});
    svg.text({legend + 30, y + 16},
             common::svg_number(std::round(-10 * value) / 10) + " %, sparsity " +
                 common::svg_number(std::round(10 * zeros[m].rbegin()->second.mean()) / 10) + " %",
             {.size = 12, .color = quiet});
    y += 42;
  }
  return svg.finish();
}

}  // namespace digits
