// SPDX-License-Identifier: Apache-2.0
#include "tokenizer_config.hpp"

#include "in_quotes.hpp"

#include <pst/core/error.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <functional>
#include <set>
#include <utility>

namespace finetune {
namespace {

using Names = std::map<std::string, std::string>;

struct NamedPart {
  const char* key;
  TokenId SpecialIds::*id;
};
/// In the order in which transformers gives ids to those that have none.
constexpr std::array<NamedPart, 7> named_parts{{{"bos_token", &SpecialIds::begin},
                                                {"eos_token", &SpecialIds::end},
                                                {"unk_token", &SpecialIds::unknown},
                                                {"sep_token", &SpecialIds::separator},
                                                {"pad_token", &SpecialIds::padding},
                                                {"cls_token", &SpecialIds::classifier},
                                                {"mask_token", &SpecialIds::mask}}};

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

void read_choices(const JsonObject& object, TokenizerConfig& config) {
  object.refuse("add_bos_token");
  object.refuse("add_eos_token");
  pst::require(object.flag("do_basic_tokenize").value_or(true), object.what(),
               ": \"do_basic_tokenize\" is false, which is not supported");
  config.tokenizer_class = object.text("tokenizer_class").value_or("");
  if (config.tokenizer_class.ends_with("Fast")) config.tokenizer_class.resize(config.tokenizer_class.size() - 4);
  config.lower_case = object.flag("do_lower_case");
  config.strip_accents = object.flag("strip_accents");
  config.split_ideographs = object.flag("tokenize_chinese_chars");
  config.add_prefix_space = object.flag("add_prefix_space");
}

void read_names(const JsonObject& object, TokenizerConfig& config) {
  for (const auto& part : named_parts)
    if (const auto* const value = object.find(part.key); value != nullptr)
      config.named.insert_or_assign(part.key, read_special(*value, object.what() + ": " + in_quotes(part.key)));
  // A part that only this tokenizer has, as in "image_token".
  for (const auto& [key, value] : object.value().items())
    if (key.ends_with("_token") && std::ranges::find(named_parts, key, &NamedPart::key) == named_parts.end() &&
        (value.is_string() || value.is_object()))
      config.added.push_back(read_special(value, object.what() + ": " + in_quotes(key)));
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

/// The ids by content that transformers wrote until 2023.
void read_added_ids(const std::filesystem::path& path, TokenizerConfig& config) {
  const auto json = read_json_file(path);
  const JsonObject object{json, path.string()};
  std::set<std::string, std::less<>> specials;
  for (const auto& [part, token] : config.named) specials.insert(token.content);
  for (const AddedToken& token : config.added) specials.insert(token.content);
  for (const auto& [content, value] : object.value().items()) {
    const auto id = object.count(content);
    pst::require(id && *id < most_tokens, object.what(), ": the token ", in_quotes(content), " has the id ",
                 in_quotes(value.dump()), ", expected a whole number below ", most_tokens);
    const bool special = specials.contains(content);
    config.numbered.push_back(
        {.content = content, .id = static_cast<TokenId>(*id), .normalized = !special, .special = special});
  }
}

/// The next id that `tokenizers` would give: behind the vocabulary and all tokens that were added to it.
TokenId next_id(const Tokenizer::Parts& parts) {
  auto next = static_cast<TokenId>(parts.vocabulary.size());
  for (const auto& [content, token] : parts.added) next = std::max(next, token.id + 1);
  return next;
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
  bool knows_added = false;
  if (const auto path = folder / "tokenizer_config.json"; std::filesystem::exists(path)) {
    const auto json = read_json_file(path);
    const JsonObject object{json, path.string()};
    read_choices(object, config);
    read_names(object, config);
    read_added_decoder(object, config);
    knows_added = object.find("added_tokens_decoder") != nullptr;
  }
  if (knows_added) return config;
  if (const auto path = folder / "special_tokens_map.json"; std::filesystem::exists(path)) {
    const auto json = read_json_file(path);
    read_names(JsonObject{json, path.string()}, config);
  }
  if (const auto path = folder / "added_tokens.json"; std::filesystem::exists(path)) read_added_ids(path, config);
  return config;
}

TokenId id_of(const Tokenizer::Parts& parts, std::string_view token) {
  const auto found = parts.added.find(token);
  return found == parts.added.end() ? parts.vocabulary.id_of(token) : found->second.id;
}

void add_token(Tokenizer::Parts& parts, AddedToken token) {
  const TokenId known = id_of(parts, token.content);
  if (token.id == no_token) token.id = known;
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
  for (const auto& token : config.numbered) {
    const auto known = parts.added.find(token.content);
    const AddedToken kept = known == parts.added.end() ? token : known->second;
    add_token(parts, token);  // which compares ids
    parts.added.insert_or_assign(token.content, kept);
  }
  TokenId next = next_id(parts);
  const auto add = [&](AddedToken token) {
    if (parts.added.contains(token.content)) return;
    if (id_of(parts, token.content) == no_token) token.id = next++;
    add_token(parts, std::move(token));
  };
  for (const auto& part : named_parts) {
    const std::string name = name_of(config, defaults, part.key);
    if (name.empty()) continue;
    if (const auto named = config.named.find(part.key); named != config.named.end())
      add(named->second);
    else if (id_of(parts, name) == no_token && !config.is_generic())
      ++next;  // transformers adds it behind the vocabulary, where this model has no embedding for it
    parts.special.*part.id = id_of(parts, name);
  }
  for (const auto& token : config.added) add(token);
}

}  // namespace finetune
