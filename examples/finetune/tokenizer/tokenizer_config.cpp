// SPDX-License-Identifier: Apache-2.0
#include "tokenizer_config.hpp"

#include "in_quotes.hpp"

#include <pst/core/error.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <utility>

namespace finetune {
namespace {

using Names = std::map<std::string, std::string>;

struct NamedPart {
  const char* key;
  TokenId SpecialIds::*id;
};
constexpr std::array<NamedPart, 7> named_parts{{{"pad_token", &SpecialIds::padding},
                                                {"unk_token", &SpecialIds::unknown},
                                                {"cls_token", &SpecialIds::classifier},
                                                {"sep_token", &SpecialIds::separator},
                                                {"mask_token", &SpecialIds::mask},
                                                {"bos_token", &SpecialIds::begin},
                                                {"eos_token", &SpecialIds::end}}};

/// A special token is written as its text, or as an object with its choices.
AddedToken read_special(const nlohmann::json& value, const std::string& what) {
  AddedToken token;
  if (value.is_string()) {
    token.content = value.get<std::string>();
  } else {
    token = read_added_token(JsonObject{value, what});
  }
  token.special = true;
  return token;
}

void read_names(const JsonObject& object, TokenizerConfig& config) {
  for (const auto& part : named_parts)
    if (const auto* const value = object.find(part.key); value != nullptr)
      config.named.insert_or_assign(part.key, read_special(*value, object.what() + ": " + in_quotes(part.key)));
  for (const char* key : {"additional_special_tokens", "extra_special_tokens"}) {
    const auto* const tokens = object.find(key);
    if (tokens == nullptr) continue;
    pst::require(tokens->is_array() || tokens->is_object(), object.what(), ": ", in_quotes(key), " is ",
                 tokens->type_name(), ", expected an array");
    for (const auto& value : *tokens)
      config.added.push_back(read_special(value, object.what() + ": " + in_quotes(key)));
  }
}

void read_added_decoder(const JsonObject& object, TokenizerConfig& config) {
  const auto tokens = object.object("added_tokens_decoder");
  if (!tokens) return;
  for (const auto& [key, value] : tokens->value().items()) {
    AddedToken token = read_added_token(JsonObject{value, tokens->what() + ": " + in_quotes(key)});
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), token.id);
    pst::require(error == std::errc{} && end == key.data() + key.size() && token.id >= 0, tokens->what(), ": ",
                 in_quotes(key), " is no id, expected a whole number");
    config.added.push_back(std::move(token));
  }
}

}  // namespace

AddedToken read_added_token(const JsonObject& object) {
  const auto content = object.text("content");
  pst::require(content.has_value(), object.what(), " lacks its \"content\"");
  return {.content = *content,
          .single_word = object.flag("single_word").value_or(false),
          .lstrip = object.flag("lstrip").value_or(false),
          .rstrip = object.flag("rstrip").value_or(false),
          .normalized = object.flag("normalized").value_or(false),
          .special = object.flag("special").value_or(false)};
}

TokenizerConfig read_tokenizer_config(const std::filesystem::path& folder) {
  TokenizerConfig config;
  if (const auto path = folder / "special_tokens_map.json"; std::filesystem::exists(path)) {
    const auto json = read_json_file(path);
    read_names(JsonObject{json, path.string()}, config);
  }
  const auto path = folder / "tokenizer_config.json";
  if (!std::filesystem::exists(path)) return config;
  const auto json = read_json_file(path);
  const JsonObject object{json, path.string()};
  object.refuse("add_bos_token");
  object.refuse("add_eos_token");
  pst::require(object.flag("do_basic_tokenize").value_or(true), path.string(),
               ": \"do_basic_tokenize\" is false, which is not supported");
  config.tokenizer_class = object.text("tokenizer_class").value_or("");
  if (config.tokenizer_class.ends_with("Fast")) config.tokenizer_class.resize(config.tokenizer_class.size() - 4);
  config.lower_case = object.flag("do_lower_case");
  config.strip_accents = object.flag("strip_accents");
  config.split_ideographs = object.flag("tokenize_chinese_chars");
  config.add_prefix_space = object.flag("add_prefix_space");
  read_names(object, config);
  read_added_decoder(object, config);
  return config;
}

TokenId id_of(const Tokenizer::Parts& parts, std::string_view token) {
  const auto found = parts.added.find(token);
  return found == parts.added.end() ? parts.vocabulary.id_of(token) : found->second.id;
}

void add_token(Tokenizer::Parts& parts, AddedToken token) {
  const TokenId known = id_of(parts, token.content);
  if (token.id == no_token) token.id = known;
  pst::require(token.id != no_token, "The special token ", in_quotes(token.content),
               " is not in the vocabulary: use the files that belong together");
  pst::require(known == no_token || known == token.id, "The added token ", in_quotes(token.content), " has the id ",
               token.id, ", and ", known, " in the vocabulary: expected the same");
  parts.added.insert_or_assign(token.content, token);
}

std::string name_of(const TokenizerConfig& config, const Names& defaults, const std::string& part) {
  if (const auto found = config.named.find(part); found != config.named.end()) return found->second.content;
  const auto found = defaults.find(part);
  return found == defaults.end() ? "" : found->second;
}

Names bert_names() {
  return {{"pad_token", "[PAD]"},
          {"unk_token", "[UNK]"},
          {"cls_token", "[CLS]"},
          {"sep_token", "[SEP]"},
          {"mask_token", "[MASK]"}};
}

Names byte_bpe_names(const TokenizerConfig& config, bool has_frame) {
  if (config.tokenizer_class == "RobertaTokenizer" || (config.tokenizer_class != "GPT2Tokenizer" && has_frame))
    return {{"pad_token", "<pad>"},   {"unk_token", "<unk>"}, {"cls_token", "<s>"}, {"sep_token", "</s>"},
            {"mask_token", "<mask>"}, {"bos_token", "<s>"},   {"eos_token", "</s>"}};
  return {{"unk_token", "<|endoftext|>"}, {"bos_token", "<|endoftext|>"}, {"eos_token", "<|endoftext|>"}};
}

void apply_names(Tokenizer::Parts& parts, const TokenizerConfig& config, const Names& defaults) {
  // Tokens without ids may be those with ids once more, with fewer choices.
  for (const auto& token : config.added)
    if (token.id != no_token) add_token(parts, token);
  for (const auto& token : config.added)
    if (!parts.added.contains(token.content)) add_token(parts, token);
  for (const auto& [part, token] : config.named)
    if (!parts.added.contains(token.content)) add_token(parts, token);
  for (const auto& part : named_parts) {
    const std::string name = name_of(config, defaults, part.key);
    if (!name.empty()) parts.special.*part.id = id_of(parts, name);
  }
}

}  // namespace finetune
