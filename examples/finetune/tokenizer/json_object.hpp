// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace finetune {

/// The text of a tokenizer's file, which must be UTF-8 and at most 64 MB.
[[nodiscard]] std::string read_text_file(const std::filesystem::path& path);

/// A JSON object of a stranger, and what to call it in errors. A member that is null counts as not there.
class JsonObject {
 public:
  /// Fails unless `value`, which must outlive this, is an object.
  JsonObject(const nlohmann::json& value, std::string what);

  [[nodiscard]] const std::string& what() const noexcept { return what_; }
  [[nodiscard]] const nlohmann::json& value() const noexcept { return *value_; }
  /// The member `key`, or null.
  [[nodiscard]] const nlohmann::json* find(std::string_view key) const;
  [[nodiscard]] const nlohmann::json& at(std::string_view key) const;  ///< fails without it
  [[nodiscard]] std::optional<bool> flag(std::string_view key) const;
  [[nodiscard]] std::optional<std::string> text(std::string_view key) const;
  [[nodiscard]] std::optional<std::uint64_t> count(std::string_view key) const;
  /// The member `key`, which must be an object if it is there.
  [[nodiscard]] std::optional<JsonObject> object(std::string_view key) const;
  /// Fails if the member `key` is there and neither false nor empty text: a choice that is not supported.
  void refuse(std::string_view key) const;

 private:
  const nlohmann::json* value_;
  std::string what_;
};

/// Reads a JSON file; strict about keys given twice and depth.
[[nodiscard]] nlohmann::json read_json_file(const std::filesystem::path& path);

}  // namespace finetune
