// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/core/error.hpp>
#include <pst/io/tensor_entry.hpp>

#include <cmath>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "finetune/model/config.hpp"

namespace finetune {

/// The fields of a config.json, taken as strictly as the model needs them.
class ConfigFields {
 public:
  ConfigFields(const nlohmann::json& root, std::string source) : root_{root}, source_{std::move(source)} {}

  /// The field, or null when it is missing or null.
  [[nodiscard]] const nlohmann::json* find(const char* name) const {
    const auto found = root_.find(name);
    return found == root_.end() || found->is_null() ? nullptr : &*found;
  }
  [[nodiscard]] index_t count(const char* name, index_t least, index_t most) const {
    const nlohmann::json* value = find(name);
    if (value == nullptr) pst::fail(source_, ": ", name, " is missing, expected a whole number");
    if (!value->is_number_integer() || *value < least || *value > most)
      refuse(name, *value, "a whole number of " + std::to_string(least) + " to " + std::to_string(most));
    return value->get<index_t>();
  }
  [[nodiscard]] index_t count_or(const char* name, index_t otherwise, index_t least, index_t most) const {
    return find(name) == nullptr ? otherwise : count(name, least, most);
  }
  [[nodiscard]] double number_or(const char* name, double otherwise, double least, double most) const {
    const nlohmann::json* value = find(name);
    if (value == nullptr) return otherwise;
    const double number = value->is_number() ? value->get<double>() : std::nan("");
    if (!(number >= least && number <= most)) {
      std::ostringstream range;
      range << "a number of " << least << " to " << most;
      refuse(name, *value, range.str());
    }
    return number;
  }
  /// A share of what is dropped.
  [[nodiscard]] double dropout(const char* name, double otherwise) const {
    return number_or(name, otherwise, 0.0, 0.99);
  }
  [[nodiscard]] std::string text_or(const char* name, const char* otherwise) const {
    const nlohmann::json* value = find(name);
    if (value == nullptr) return otherwise;
    if (!value->is_string()) refuse(name, *value, "a text");
    return value->get<std::string>();
  }
  /// Refuses the field unless it is missing, null or `only`.
  void only(const char* name, const nlohmann::json& only) const {
    const nlohmann::json* value = find(name);
    if (value != nullptr && *value != only) refuse(name, *value, only.dump() + ", the only value that is supported");
  }
  [[noreturn]] void refuse(const char* name, const nlohmann::json& value, const std::string& expected) const {
    pst::fail(source_, ": ", name, " is ", pst::io::printable(value.dump()), ", expected ", expected);
  }
  [[nodiscard]] const std::string& source() const noexcept { return source_; }

 private:
  const nlohmann::json& root_;
  std::string source_;
};

}  // namespace finetune
