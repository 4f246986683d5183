// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/core/error.hpp>
#include <pst/io/strict_json.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "finetune/model/config.hpp"

namespace finetune {

/// The fields of a configuration from a stranger.
class ConfigFields {
 public:
  ConfigFields(std::string_view text, std::string source) : source_{std::move(source)} {
    pst::require(text.size() <= most_bytes, source_, ": has ", text.size(), " bytes, expected at most ", most_bytes);
    json_ = pst::io::strict_json(text, source_, 8);
    pst::require(json_.is_object(), source_, ": is no JSON object");
  }

  [[nodiscard]] bool flag(const char* name) const {
    const nlohmann::json& value = at(name);
    require(value.is_null() || value.is_boolean(), name, "true or false");
    return value.is_boolean() && value.get<bool>();
  }
  [[nodiscard]] bool flag_or(const char* name, bool otherwise) const {
    return at(name).is_null() ? otherwise : flag(name);
  }
  /// Whether it is true; a field of other types may be something else.
  [[nodiscard]] bool is_true(const char* name, bool otherwise) const {
    return at(name).is_null() ? otherwise : at(name) == true;
  }
  [[nodiscard]] double number(const char* name, double otherwise) const {
    const nlohmann::json& value = at(name);
    require(value.is_null() || (value.is_number() && std::isfinite(value.get<double>())), name, "a finite number");
    return value.is_null() ? otherwise : value.get<double>();
  }
  /// A whole number of at least 1; 0 where there is none.
  [[nodiscard]] index_t count(const char* name) const {
    const nlohmann::json& value = at(name);
    require(value.is_null() || (value.is_number_unsigned() && value >= 1 && value <= most_count), name,
            "a whole number of 1 to 65536");
    return value.is_null() ? 0 : value.get<index_t>();
  }
  [[nodiscard]] std::string text(const char* name) const {
    const nlohmann::json& value = at(name);
    require(value.is_null() || value.is_string(), name, "text");
    return value.is_null() ? std::string{} : value.get<std::string>();
  }
  [[nodiscard]] std::vector<std::string> texts(const char* name) const {
    const nlohmann::json& value = at(name);
    if (value.is_null()) return {};
    require(value.is_array() && std::ranges::all_of(value, [](const auto& each) { return each.is_string(); }), name,
            "a list of texts");
    return value.get<std::vector<std::string>>();
  }
  [[nodiscard]] std::vector<index_t> numbers(const char* name) const {
    const nlohmann::json& value = at(name);
    if (value.is_null()) return {};
    if (value.is_number_unsigned()) return {value.get<index_t>()};
    require(value.is_array() && std::ranges::all_of(value, [](const auto& each) { return each.is_number_unsigned(); }),
            name, "a list of whole numbers");
    return value.get<std::vector<index_t>>();
  }
  [[nodiscard]] std::map<std::string, double> patterns(const char* name) const {
    const nlohmann::json& value = at(name);
    std::map<std::string, double> found;
    if (value.is_null()) return found;
    require(value.is_object(), name, "an object of numbers");
    for (const auto& [pattern, number] : value.items()) {
      require(number.is_number() && number.get<double>() > 0, name, "an object of positive numbers");
      found[pattern] = number.get<double>();
    }
    return found;
  }
  /// The fields of an object inside; none where it is missing.
  [[nodiscard]] ConfigFields inner(const char* name) const {
    require(at(name).is_null() || at(name).is_object(), name, "an object");
    return {at(name).is_null() ? nlohmann::json::object() : at(name), source_ + ": " + name};
  }
  /// The names of numbers 0, 1, ... each of which one name must have; nothing where there is none.
  [[nodiscard]] std::vector<std::string> names_by_number(const char* name) const {
    const nlohmann::json& value = at(name);
    if (value.is_null()) return {};
    const char* const expected = "an object in which the numbers from 0 on have a name each";
    require(value.is_object(), name, expected);
    std::map<std::uint64_t, std::string> names;
    for (const auto& [text, number] : value.items()) {
      require(number.is_number_unsigned() && number < value.size(), name, expected);
      names[number.get<std::uint64_t>()] = text;
    }
    require(names.size() == value.size(), name, expected);
    std::vector<std::string> list;
    for (auto& [number, text] : names) list.push_back(std::move(text));
    return list;
  }
  /// Throws pst::Error with the names of all fields that are none of `known`.
  void refuse_unknown(std::span<const std::string_view> known) const {
    std::string unknown;
    for (const auto& [name, value] : json_.items())
      if (std::ranges::find(known, name) == known.end())
        unknown.append(unknown.empty() ? "" : ", ").append(pst::io::printable(name));
    pst::require(unknown.empty(), source_, ": has unknown fields: ", unknown,
                 "; they may ask for another model than would be made");
  }
  [[nodiscard]] const std::string& source() const noexcept { return source_; }
  [[nodiscard]] bool is_text(const char* name) const { return at(name).is_string(); }
  void require(bool ok, const char* name, const std::string& expected) const {
    pst::require(ok, source_, ": ", name, " is ", pst::io::printable(at(name).dump()), ", expected ", expected);
  }
  [[nodiscard]] bool is_given(const char* name) const { return !at(name).is_null() && !at(name).empty(); }

 private:
  static constexpr std::size_t most_bytes = std::size_t{1} << 20;
  static constexpr index_t most_count = 1 << 16;

  ConfigFields(nlohmann::json json, std::string source) : source_{std::move(source)}, json_(std::move(json)) {}
  [[nodiscard]] const nlohmann::json& at(const char* name) const {
    static const nlohmann::json none;
    const auto found = json_.find(name);
    return found != json_.end() ? *found : none;
  }
  std::string source_;
  nlohmann::json json_;
};

}  // namespace finetune
