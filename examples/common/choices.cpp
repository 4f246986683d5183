// SPDX-License-Identifier: Apache-2.0
#include "common/choices.hpp"

#include <pst/core/error.hpp>

#include <charconv>
#include <optional>

namespace common {

namespace {

/// The number behind `prefix`, if `text` is that and nothing else.
template <class Number>
std::optional<Number> number_after(const std::string& text, const std::string& prefix) {
  if (!text.starts_with(prefix)) return std::nullopt;
  Number value{};
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data() + prefix.size(), end, value);
  if (error != std::errc{} || stopped != end) return std::nullopt;
  return value;
}
bool is_fraction(const std::optional<double>& value) { return value && *value >= 0 && *value <= 1; }

}  // namespace

ScoreChoice score_choice(const std::string& text) {
  if (text == "every") return {};
  if (const auto k = number_after<std::uint64_t>(text, "every-"); k && *k > 0) return {pst::ScoreEveryKthStep{*k}};
  if (const auto k = number_after<pst::index_t>(text, "sample-"); k && *k > 0) return {pst::ScoreTokenSample{*k}};
  if (const auto p = number_after<double>(text, "rest-"); is_fraction(p)) return {pst::ScoreRestAfter{*p}};
  pst::fail("--scores is \"", text, "\", expected every, every-K, sample-K (one token in K) or rest-P (0 to 1)");
}

RefreshChoice refresh_choice(const std::string& text) {
  if (text == "every") return {};
  if (const auto k = number_after<std::uint64_t>(text, "every-"); k && *k > 0) return {pst::RefreshEveryKthStep{*k}};
  if (const auto p = number_after<double>(text, "until-"); is_fraction(p)) return {pst::RefreshUntil{*p}};
  pst::fail("--refresh is \"", text, "\", expected every, every-K or until-P (0 to 1)");
}

}  // namespace common
