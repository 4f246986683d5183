// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <limits>
#include <locale>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>

#include "pst/core/config.hpp"

/// Numbers as text, the same in every locale.
namespace pst::PST_ABI::detail {

/// The number that `text` is, if it is one and nothing else.
template <std::integral Number>
[[nodiscard]] std::optional<Number> number_in(std::string_view text) {
  Number value{};
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stopped != end) return std::nullopt;
  return value;
}
template <std::floating_point Number>
[[nodiscard]] std::optional<Number> number_in(std::string_view text) {
  if (text.find_first_not_of("0123456789+-.eE") != std::string_view::npos) return std::nullopt;
  std::istringstream in{std::string{text}};
  in.imbue(std::locale::classic());
  Number value{};
  in >> value;
  if (in.fail() || in.peek() != std::istringstream::traits_type::eof()) return std::nullopt;
  return value;
}
/// The number behind `prefix`, if `text` is that and nothing else.
template <class Number>
[[nodiscard]] std::optional<Number> number_after(std::string_view prefix, std::string_view text) {
  if (!text.starts_with(prefix)) return std::nullopt;
  return number_in<Number>(text.substr(prefix.size()));
}

/// The shortest text that is read as the same number.
[[nodiscard]] inline std::string shortest_text(double value) {
  for (int digits = 1;; ++digits) {
    std::ostringstream out;
    out.imbue(std::locale::classic());
    out.precision(digits);
    out << value;
    if (digits >= std::numeric_limits<double>::max_digits10 || number_in<double>(out.str()) == value) return out.str();
  }
}

}  // namespace pst::PST_ABI::detail
