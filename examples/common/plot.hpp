// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/svg.hpp"

namespace common {

struct Curve {
  std::string name;
  std::vector<Point> points;  ///< from left to right
};

/// Where the vertical axis of a plot begins.
enum class Axis { of_the_values, from_zero };

struct Plot {
  std::string title;
  std::vector<Curve> curves;
  Axis axis = Axis::of_the_values;
};

/// A picture (SVG) of plots below one another, whose horizontal axes all go from 0 to `end`.
[[nodiscard]] std::string draw_plots(std::string_view title, std::span<const Plot> plots, double end,
                                     std::string_view x_title);

}  // namespace common
