// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "pst/core/error.hpp"
#include "pst/io/tensor_entry.hpp"

namespace pst::PST_ABI::io {
/// Whether `text` is UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
[[nodiscard]] inline bool is_utf8(std::string_view text) noexcept {
  const auto byte_at = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto continues = [&](std::size_t i) { return (byte_at(i) & 0xC0U) == 0x80U; };
  for (std::size_t i = 0; i < text.size();) {
    const unsigned first = byte_at(i);
    const unsigned second = byte_at(i + 1);
    if (first < 0x80) {
      i += 1;
    } else if (first >= 0xC2 && first < 0xE0 && continues(i + 1)) {
      i += 2;
    } else if (first >= 0xE0 && first < 0xF0 && continues(i + 1) && continues(i + 2) &&
               !(first == 0xE0 && second < 0xA0) && !(first == 0xED && second >= 0xA0)) {
      i += 3;
    } else if (first >= 0xF0 && first < 0xF5 && continues(i + 1) && continues(i + 2) && continues(i + 3) &&
               !(first == 0xF0 && second < 0x90) && !(first == 0xF4 && second >= 0x90)) {
      i += 4;
    } else {
      return false;
    }
  }
  return true;
}

namespace detail {

/// Listens to the JSON parser and refuses what it would let pass: a key given twice, and deep nesting.
struct JsonGuard {
  using json = nlohmann::json;

  std::string_view what;
  std::size_t max_depth = 0;
  std::vector<std::set<std::string>> keys_of_open = {};

  bool null() { return true; }
  bool boolean(bool) { return true; }
  bool number_integer(json::number_integer_t) { return true; }
  bool number_unsigned(json::number_unsigned_t) { return true; }
  bool number_float(json::number_float_t, const json::string_t&) { return true; }
  bool string(json::string_t&) { return true; }
  bool binary(json::binary_t&) { return true; }
  bool start_object(std::size_t) { return enter(); }
  bool start_array(std::size_t) { return enter(); }
  bool end_object() { return leave(); }
  bool end_array() { return leave(); }
  bool key(json::string_t& name) {
    if (!keys_of_open.back().insert(name).second) fail(what, " gives the key \"", printable(name), "\" twice");
    return true;
  }
  bool parse_error(std::size_t position, const std::string& token, const json::exception&) {
    fail(what, " is not JSON: it goes wrong at byte ", position, ", near \"", printable(token), '"');
  }

 private:
  bool enter() {
    if (keys_of_open.size() == max_depth) fail(what, " is nested more than ", max_depth, " levels deep");
    keys_of_open.emplace_back();
    return true;
  }
  bool leave() {
    keys_of_open.pop_back();
    return true;
  }
};

}  // namespace detail

/// Parses JSON from a stranger: UTF-8 without a byte order mark, no key twice in one object, at most `max_depth`
/// levels. `what` names the text in the error.
/// @ingroup io
[[nodiscard]] inline nlohmann::json strict_json(std::string_view text, std::string_view what, std::size_t max_depth) {
  if (!is_utf8(text)) fail(what, " is not UTF-8");
  // The parser would skip the mark, and would take a zero byte for the end of the text.
  if (text.starts_with("\xEF\xBB\xBF")) fail(what, " begins with a byte order mark, which JSON forbids");
  if (text.find('\0') != std::string_view::npos) fail(what, " contains a zero byte, which JSON forbids");
  // Two passes, because the one-pass alternative (a parser callback) takes quadratic time in the number of objects.
  detail::JsonGuard guard{what, max_depth};
  nlohmann::json::sax_parse(text, &guard);
  return nlohmann::json::parse(text);
}

}  // namespace pst::PST_ABI::io
