// SPDX-License-Identifier: Apache-2.0
#include "common/svg.hpp"

#include <array>
#include <cstdio>

namespace common {

namespace {

std::string quoted(std::string_view name, std::string_view value) {
  return ' ' + std::string{name} + "=\"" + std::string{value} + '"';
}
std::string quoted(std::string_view name, double value) { return quoted(name, svg_number(value)); }

std::string joined(const std::vector<Point>& points) {
  std::string text;
  for (const Point& p : points) text.append(svg_number(p.x)).append(",").append(svg_number(p.y)).append(" ");
  return text;
}

}  // namespace

std::string svg_number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.2f", value);
  std::string made = text.data();
  while (made.back() == '0') made.pop_back();
  if (made.back() == '.') made.pop_back();
  return made == "-0" ? "0" : made;
}

Svg::Svg(double width, double height)
    : body_{"<svg xmlns=\"http://www.w3.org/2000/svg\"" + quoted("width", width) + quoted("height", height) +
            quoted("viewBox", "0 0 " + svg_number(width) + ' ' + svg_number(height)) +
            " font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\">\n"} {
  rectangle(0, 0, width, height, "#ffffff");
}

void Svg::rectangle(double x, double y, double width, double height, std::string_view fill, double opacity) {
  body_ += "<rect" + quoted("x", x) + quoted("y", y) + quoted("width", width) + quoted("height", height) +
           quoted("fill", fill) + (opacity < 1 ? quoted("fill-opacity", opacity) : "") + "/>\n";
}
void Svg::frame(double x, double y, double width, double height, std::string_view color) {
  body_ += "<rect" + quoted("x", x) + quoted("y", y) + quoted("width", width) + quoted("height", height) +
           quoted("fill", "none") + quoted("stroke", color) + "/>\n";
}
void Svg::line(Point from, Point to, std::string_view color, double width, std::string_view dashes) {
  body_ += "<line" + quoted("x1", from.x) + quoted("y1", from.y) + quoted("x2", to.x) + quoted("y2", to.y) +
           quoted("stroke", color) + quoted("stroke-width", width) +
           (dashes.empty() ? "" : quoted("stroke-dasharray", dashes)) + "/>\n";
}
void Svg::curve(const std::vector<Point>& points, std::string_view color, double width) {
  body_ += "<polyline" + quoted("points", joined(points)) + quoted("fill", "none") + quoted("stroke", color) +
           quoted("stroke-width", width) + quoted("stroke-linejoin", "round") + quoted("stroke-linecap", "round") +
           "/>\n";
}
void Svg::area(const std::vector<Point>& outline, std::string_view fill, double opacity) {
  body_ +=
      "<polygon" + quoted("points", joined(outline)) + quoted("fill", fill) + quoted("fill-opacity", opacity) + "/>\n";
}
void Svg::path(const std::string& data, std::string_view fill) {
  body_ += "<path" + quoted("d", data) + quoted("fill", fill) + "/>\n";
}
void Svg::text(Point at, std::string_view words, const TextStyle& style) {
  body_ += "<text" + quoted("x", at.x) + quoted("y", at.y) + quoted("font-size", style.size) +
           quoted("text-anchor", style.anchor) + quoted("fill", style.color) +
           (style.bold ? quoted("font-weight", "bold") : "") +
           (style.turn != 0 ? quoted("transform", "rotate(" + svg_number(style.turn) + ' ' + svg_number(at.x) + ' ' +
                                                      svg_number(at.y) + ')')
                            : "") +
           '>';
  for (const char c : words) {
    if (c == '<')
      body_ += "&lt;";
    else if (c == '&')
      body_ += "&amp;";
    else
      body_ += c;
  }
  body_ += "</text>\n";
}

}  // namespace common
