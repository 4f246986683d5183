// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "added_tokens.hpp"
#include "json_object.hpp"
#include "tokenizer.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace finetune {

/// What tokenizer_config.json and special_tokens_map.json say, where they do.
struct TokenizerConfig {
  std::string tokenizer_class;  ///< without "Fast"
  std::optional<bool> lower_case;
  std::optional<bool> strip_accents;
  std::optional<bool> split_ideographs;
  std::optional<bool> add_prefix_space;
  std::map<std::string, AddedToken> named;  ///< by the part they play, as in "cls_token"; without ids
  std::vector<AddedToken> added;            ///< with ids
};

/// Reads both files of `folder` if they are there.
[[nodiscard]] TokenizerConfig read_tokenizer_config(const std::filesystem::path& folder);

/// Reads `content` and the choices of an added token, but no id; `object` may leave choices out.
[[nodiscard]] AddedToken read_added_token(const JsonObject& object);

/// Gives `parts` the added token `token`. One that the vocabulary has must have the same id there; one with the id
/// no_token must be there; a later one replaces an earlier.
void add_token(Tokenizer::Parts& parts, AddedToken token);

/// The name of the token of `part`, as in "cls_token", from `config` or else from `defaults`; empty without.
[[nodiscard]] std::string name_of(const TokenizerConfig& config, const std::map<std::string, std::string>& defaults,
                                  const std::string& part);

/// The tokens that play the parts in BERT unless a file says otherwise.
[[nodiscard]] std::map<std::string, std::string> bert_names();
/// Those in RoBERTa or GPT-2; where the class is neither, it is RoBERTa if there are `<s>` and `</s>` (`has_frame`).
[[nodiscard]] std::map<std::string, std::string> byte_bpe_names(const TokenizerConfig& config, bool has_frame);

/// The id of `token` among the added tokens or in the vocabulary, or no_token.
[[nodiscard]] TokenId id_of(const Tokenizer::Parts& parts, std::string_view token);

/// Fills in `parts.special` and adds the tokens that `config` names.
void apply_names(Tokenizer::Parts& parts, const TokenizerConfig& config,
                 const std::map<std::string, std::string>& defaults);

}  // namespace finetune
