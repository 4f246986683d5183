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

/// What tokenizer_config.json, special_tokens_map.json and added_tokens.json say, where they do.
struct TokenizerConfig {
  std::string tokenizer_class;  ///< without "Fast"
  std::optional<bool> lower_case;
  std::optional<bool> strip_accents;
  std::optional<bool> split_ideographs;
  std::optional<bool> add_prefix_space;
  std::map<std::string, AddedToken> named;  ///< by the part they play, as in "cls_token"; without ids
  std::vector<AddedToken> added;            ///< all others, with ids or without
  std::vector<AddedToken> numbered;         ///< of added_tokens.json; what other files say of the same tokens counts

  /// Whether the class leaves everything to tokenizer.json, what its parts are called and how tokens become text too.
  [[nodiscard]] bool is_generic() const {
    return tokenizer_class == "PreTrainedTokenizer" || tokenizer_class == "TokenizersBackend";
  }
};

/// Reads those files of `folder` that are there. As in transformers, the other two count only where
/// tokenizer_config.json has no "added_tokens_decoder", and the names of special_tokens_map.json go before its own.
[[nodiscard]] TokenizerConfig read_tokenizer_config(const std::filesystem::path& folder);

/// Reads `content` and the choices of an added token, but no id; `object` may leave choices out.
[[nodiscard]] AddedToken read_added_token(const JsonObject& object);

/// Gives `parts` the added token `token`, which has an id or is known there by another one. An id that it has in the
/// vocabulary must be the same; a later one replaces an earlier.
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

/// Fills in `parts.special` and adds the tokens that `config` names. One that has no id anywhere gets the next free
/// one, in the order of `tokenizers`: first the tokens that play a part, then the others.
void apply_names(Tokenizer::Parts& parts, const TokenizerConfig& config,
                 const std::map<std::string, std::string>& defaults);

}  // namespace finetune
