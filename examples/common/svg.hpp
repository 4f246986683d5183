// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace common {

struct Point {
  double x = 0, y = 0;
};

/// How text stands at its point.
struct TextStyle {
  double size = 13;
  std::string_view anchor = "start";  ///< start, middle or end
  std::string_view color = "#2b2b2b";
  bool bold = false;
  double turn = 0;  ///< degrees, clockwise
};

/// A picture in SVG, drawn piece by piece; lengths are pixels, y grows downwards.
class Svg {
 public:
  Svg(double width, double height);

  void rectangle(double x, double y, double width, double height, std::string_view fill, double opacity = 1.0);
  void frame(double x, double y, double width, double height, std::string_view color);
  void line(Point from, Point to, std::string_view color, double width = 1.0, std::string_view dashes = "");
  void curve(const std::vector<Point>& points, std::string_view color, double width = 2.2);
  void area(const std::vector<Point>& outline, std::string_view fill, double opacity);
  /// One shape made of many rectangles, as SVG path data.
  void path(const std::string& data, std::string_view fill);
  void text(Point at, std::string_view words, const TextStyle& style = {});

  [[nodiscard]] std::string finish() const { return body_ + "</svg>\n"; }

 private:
  std::string body_;
};

/// A number with up to two digits behind the point, as SVG wants it.
[[nodiscard]] std::string svg_number(double value);

}  // namespace common
