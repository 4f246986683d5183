// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "added_tokens.hpp"
#include "byte_bpe.hpp"
#include "sequence_template.hpp"
#include "vocabulary.hpp"
#include "word_piece.hpp"

#include <cstddef>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace finetune {

/// The special tokens of a model by their part; no_token where it has none.
struct SpecialIds {
  TokenId padding = no_token;
  TokenId unknown = no_token;
  TokenId classifier = no_token;
  TokenId separator = no_token;
  TokenId mask = no_token;
  TokenId begin = no_token;
  TokenId end = no_token;
};

/// Encodings of one length, filled up with padding behind their ends.
struct PaddedBatch {
  std::size_t length = 0;            ///< tokens of the longest one
  std::vector<TokenId> ids;          ///< `length` of each encoding, one encoding behind the other
  std::vector<TokenId> types;        ///< likewise
  std::vector<std::size_t> lengths;  ///< tokens of each that are no padding: how far attention reaches
};

/// `encodings` next to one another; `padding` is the token they are filled up with.
[[nodiscard]] PaddedBatch padded(std::span<const Encoding> encodings, TokenId padding);

/// Turns text into the tokens of a model and back, as Hugging Face's `tokenizers` does. Never changes once made, so
/// threads may share it.
///
/// Texts are UTF-8; other bytes become U+FFFD as Python's `bytes.decode("utf-8", errors="replace")` would have it.
class Tokenizer {
 public:
  static constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();

  /// What a tokenizer is made of; load_tokenizer reads it from files.
  struct Parts {
    Vocabulary vocabulary;                                 ///< of the model
    std::map<std::string, AddedToken, std::less<>> added;  ///< by content; the model need not have them
    BertNormalizer normalizer;                             ///< for WordPiece alone
    std::variant<WordPiece, ByteBpe> model;
    SequenceTemplate sequence;
    SpecialIds special;
    bool decodes = true;  ///< without, the text of some ids is their tokens with blanks between
  };
  /// Fails where two tokens have one id.
  explicit Tokenizer(Parts parts);

  /// One text with the special tokens around it, cut at its end to `max_length` tokens, those included.
  [[nodiscard]] Encoding encode(std::string_view text, std::size_t max_length = no_limit) const;
  /// Two texts likewise; the longer one is cut first.
  [[nodiscard]] Encoding encode(std::string_view first, std::string_view second,
                                std::size_t max_length = no_limit) const;
  /// The tokens of a text alone.
  [[nodiscard]] std::vector<TokenId> tokens_of(std::string_view text) const;

  /// The text of `ids`; an id without a token is passed over.
  [[nodiscard]] std::string decode(std::span<const TokenId> ids, bool leave_out_special = true) const;

  /// One more than the largest id.
  [[nodiscard]] std::size_t vocabulary_size() const noexcept;
  /// One more than the largest id that a text is given: the rows an embedding must have. A special token that no text
  /// spells out, as one for padding, may lie behind.
  [[nodiscard]] std::size_t embedding_rows() const noexcept { return embedding_rows_; }
  /// The id of `token` as the vocabulary spells it, or no_token.
  [[nodiscard]] TokenId id_of(std::string_view token) const;
  [[nodiscard]] const SpecialIds& special() const noexcept { return parts_.special; }

 private:
  [[nodiscard]] bool is_word_piece() const noexcept { return std::holds_alternative<WordPiece>(parts_.model); }

  Parts parts_;
  AddedTokens added_;
  Vocabulary added_spellings_;
  std::size_t embedding_rows_ = 0;
};

/// Reads the tokenizer of a Hugging Face folder: tokenizer.json, or else vocab.txt, or vocab.json with merges.txt;
/// tokenizer_config.json, special_tokens_map.json and added_tokens.json are read where they are there. What is in them
/// and is not supported is refused by its name.
[[nodiscard]] Tokenizer load_tokenizer(const std::filesystem::path& folder);

}  // namespace finetune
