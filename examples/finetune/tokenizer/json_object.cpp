// SPDX-License-Identifier: Apache-2.0
#include "json_object.hpp"

#include "in_quotes.hpp"

#include <pst/core/error.hpp>
#include <pst/io/mapped_file.hpp>
#include <pst/io/strict_json.hpp>

#include <cstddef>

namespace finetune {

std::string read_text_file(const std::filesystem::path& path) {
  constexpr std::size_t largest = std::size_t{64} << 20U;
  const pst::io::MappedFile file{path};
  const auto bytes = file.bytes();
  pst::require(bytes.size() <= largest, path.string(), ": has ", bytes.size(), " bytes, expected at most ", largest,
               " of a tokenizer's file");
  std::string text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  pst::require(!text.starts_with("version https://git-lfs"), path.string(),
               ": is a pointer of Git LFS, the file itself was not downloaded: run `git lfs pull` in its folder");
  pst::require(pst::io::is_utf8(text), path.string(), ": is not UTF-8: use the file as it was published");
  return text;
}

nlohmann::json read_json_file(const std::filesystem::path& path) {
  constexpr std::size_t deepest = 32;
  return pst::io::strict_json(read_text_file(path), path.string(), deepest);
}

JsonObject::JsonObject(const nlohmann::json& value, std::string what) : value_{&value}, what_{std::move(what)} {
  pst::require(value.is_object(), what_, " is ", value.type_name(), ", expected an object");
}

const nlohmann::json* JsonObject::find(std::string_view key) const {
  const auto found = value_->find(key);
  return found == value_->end() || found->is_null() ? nullptr : &*found;
}

const nlohmann::json& JsonObject::at(std::string_view key) const {
  const auto* const member = find(key);
  pst::require(member != nullptr, what_, " lacks the member ", in_quotes(key));
  return *member;
}

std::optional<bool> JsonObject::flag(std::string_view key) const {
  const auto* const member = find(key);
  if (member == nullptr) return std::nullopt;
  pst::require(member->is_boolean(), what_, ": ", in_quotes(key), " is ", member->type_name(),
               ", expected true or false");
  return member->get<bool>();
}

std::optional<std::string> JsonObject::text(std::string_view key) const {
  const auto* const member = find(key);
  if (member == nullptr) return std::nullopt;
  pst::require(member->is_string(), what_, ": ", in_quotes(key), " is ", member->type_name(), ", expected text");
  return member->get<std::string>();
}

std::optional<std::uint64_t> JsonObject::count(std::string_view key) const {
  const auto* const member = find(key);
  if (member == nullptr) return std::nullopt;
  pst::require(member->is_number_unsigned(), what_, ": ", in_quotes(key), " is ", in_quotes(member->dump()),
               ", expected a whole number from 0 on");
  return member->get<std::uint64_t>();
}

std::optional<JsonObject> JsonObject::object(std::string_view key) const {
  const auto* const member = find(key);
  if (member == nullptr) return std::nullopt;
  return JsonObject{*member, what_ + ": " + in_quotes(key)};
}

void JsonObject::refuse(std::string_view key) const {
  const auto* const member = find(key);
  if (member == nullptr || *member == false || *member == "") return;
  pst::fail(what_, ": ", in_quotes(key), " is ", in_quotes(member->dump()), ", which is not supported");
}

}  // namespace finetune
