// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pst/any/implementation/composition.hpp"
#include "pst/any/implementation/options.hpp"
#include "pst/any/registry.hpp"
#include "pst/any/spec.hpp"

// What any/spec.hpp declares. A part of any/implementation.hpp.

namespace pst::PST_ABI {

namespace detail {

/// Throws unless there is a method of this name, the library's or a registered one.
inline void check_method(std::string_view name) {
  if (find_method(name) != nullptr || is_registered(name)) return;
  std::vector<std::string_view> names;
  for (const LinearMethod& method : method_table) names.push_back(method.name);
  const std::vector<std::string> others = registered_methods();
  for (const std::string& other : others) names.push_back(other);
  fail("there is no method \"", name.substr(0, 60), "\", expected one of ", listed(names), did_you_mean(name, names));
}

/// The methods that use an option, with commas between them.
[[nodiscard]] inline std::string methods_that_use(const OptionField& field) {
  std::vector<std::string_view> names;
  for (const LinearMethod& method : method_table)
    if (field.is_used(*composition_of({.method = std::string{method.name}}))) names.push_back(method.name);
  return listed(names);
}
[[noreturn]] inline void refuse_unused(const OptionField& field, const LinearSpec& spec) {
  fail(field.shown.name, " is given, but method ", spec.method, " does not use it, expected it with ",
       methods_that_use(field), ": leave it out, or choose one of these");
}

/// Throws where a selector has nothing to rank, or scores learn that rank nothing.
inline void check_selector(const LinearSpec& spec, const Composition& composition) {
  require(composition.prunes || keeps_as_given(spec) || spec.selector == LinearSpec{}.selector, "selector is ",
          spec.selector, ", but method ", spec.method, " ranks no weights, expected all or nonzeros");
  require(!keeps_as_given(spec) || !composition.scores_learn(), "selector is ", spec.selector,
          ", which keeps its mask for good, but scores of method ", spec.method,
          " learn: choose a method whose scores do not, as lora or full, or importance=magnitude");
}

/// Cuts a text into words at spaces; quotes hold words together, and are gone.
[[nodiscard]] inline std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  bool in_word = false, quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char letter = text[i];
    if (!quoted && (letter == ' ' || letter == '\t' || letter == '\n')) {
      in_word = false;
      continue;
    }
    if (!in_word) words.emplace_back();
    in_word = true;
    if (letter == '"')
      quoted = !quoted;
    else if (quoted && letter == '\\' && i + 1 < text.size())
      words.back() += text[++i];
    else
      words.back() += letter;
  }
  require(!quoted, "a quote is opened in the specification ", text.substr(0, 200), " and not closed");
  return words;
}
/// A value as `words_of` reads it.
[[nodiscard]] inline std::string quoted(const std::string& value) {
  if (!value.empty() && value.find_first_of(" \t\n\"\\") == std::string::npos) return value;
  std::string text = "\"";
  for (const char letter : value) {
    if (letter == '"' || letter == '\\') text += '\\';
    text += letter;
  }
  return text + '"';
}
[[nodiscard]] inline std::string value_text(const std::string& value) { return quoted(value); }
[[nodiscard]] inline std::string value_text(double value) { return shortest_text(value); }
template <std::integral Number>
[[nodiscard]] std::string value_text(Number value) {
  return std::to_string(value);
}

}  // namespace detail

std::span<const LinearMethod> linear_methods() { return detail::method_table; }

const LinearMethod& linear_method(std::string_view name) {
  if (const LinearMethod* const found = detail::find_method(name)) return *found;
  std::vector<std::string_view> names;
  for (const LinearMethod& method : detail::method_table) names.push_back(method.name);
  fail("there is no method \"", name.substr(0, 60), "\", expected one of ", detail::listed(names),
       detail::did_you_mean(name, names));
}

std::span<const LinearOption> linear_options() {
  static const auto shown = [] {
    std::array<LinearOption, detail::option_table.size()> list;
    std::transform(detail::option_table.begin(), detail::option_table.end(), list.begin(),
                   [](const detail::OptionField& field) { return field.shown; });
    return list;
  }();
  return shown;
}

bool uses_option(const LinearSpec& spec, std::string_view option) {
  const detail::OptionField& field = detail::option_field(option);
  const auto composition = detail::composition_of(spec);
  return !composition || field.is_used(*composition);
}

bool scores_learn(const LinearSpec& spec) {
  const auto composition = detail::composition_of(spec);
  return !composition || composition->scores_learn();
}

void set_option(LinearSpec& spec, std::string_view option, std::string_view value) {
  if (option == "method") {
    detail::check_method(value);
    spec.method = value;
    return;
  }
  const detail::OptionField& field = detail::option_field(option);
  LinearSpec changed = spec;
  std::visit(
      [&](auto member) {
        using Value = std::decay_t<decltype(changed.*member)>;
        if constexpr (std::is_same_v<Value, std::string>) {
          changed.*member = value;
        } else {
          const auto number = detail::number_in<Value>(value);
          require(number.has_value(), option, " is \"", value.substr(0, 60), "\", expected a ",
                  std::is_integral_v<Value> ? "whole number, " : "number, ", field.shown.values);
          changed.*member = *number;
        }
      },
      field.member);
  detail::check_value(field, changed);
  spec = std::move(changed);
}

LinearSpec read_spec(std::span<const SpecEntry> entries) {
  LinearSpec spec;
  std::vector<std::string_view> seen;
  for (const auto& [name, value] : entries) {
    require(std::find(seen.begin(), seen.end(), name) == seen.end(), "option ", name, " is given twice, expected once");
    set_option(spec, name, value);
    seen.push_back(name);
  }
  for (const auto& [name, value] : entries)
    if (name != "method" && !uses_option(spec, name)) detail::refuse_unused(detail::option_field(name), spec);
  check_spec(spec);
  return spec;
}

LinearSpec read_spec(std::string_view text) {
  std::vector<SpecEntry> entries;
  for (const std::string& word : detail::words_of(text)) {
    const std::size_t equals = word.find('=');
    require(equals != std::string::npos || entries.empty(), "the specification ", text.substr(0, 200), " has the word ",
            word, ", expected a method, then options as name=value");
    if (equals == std::string::npos)
      entries.push_back({"method", word});
    else
      entries.push_back({word.substr(0, equals), word.substr(equals + 1)});
  }
  return read_spec(entries);
}

std::string to_text(const LinearSpec& spec) {
  const LinearSpec defaults;
  std::string text = detail::quoted(spec.method);
  for (const detail::OptionField& field : detail::option_table)
    std::visit(
        [&](auto member) {
          if (spec.*member == defaults.*member) return;
          text.append(" ").append(field.shown.name).append("=").append(detail::value_text(spec.*member));
        },
        field.member);
  return text;
}

void check_spec(const LinearSpec& spec) {
  detail::check_method(spec.method);
  const auto composition = detail::composition_of(spec);
  const LinearSpec defaults;
  for (const detail::OptionField& field : detail::option_table) {
    detail::check_value(field, spec);
    const bool is_default = std::visit([&](auto member) { return spec.*member == defaults.*member; }, field.member);
    if (!is_default && composition && !field.is_used(*composition)) detail::refuse_unused(field, spec);
  }
  if (!composition) return;
  require(spec.method == "frozen" || composition->delta != detail::Composition::Delta::frozen ||
              composition->scores_learn() || spec.bias == "trained",
          "nothing trains in ", to_text(spec), ": choose another delta or importance, or bias=trained");
  require(composition->delta != detail::Composition::Delta::gated ||
              (composition->magnitude && !composition->scores_learn()),
          "delta is gated, and importance ", spec.importance, ", expected magnitude with it");
  detail::check_selector(spec, *composition);
  if (composition->ranks()) static_cast<void>(schedule_choice(spec));
}

}  // namespace pst::PST_ABI
