// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "vocabulary.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace finetune {

/// What BERT does to a text before it is cut into words, in this order.
struct BertNormalizer {
  bool clean_text = true;        ///< drop control characters, zero and U+FFFD; every white space is a blank
  bool split_ideographs = true;  ///< blanks around CJK ideographs
  bool strip_accents = true;     ///< decompose (NFD) and drop the marks
  bool lower_case = true;

  /// `text`, which must be UTF-8, as these choices have it.
  [[nodiscard]] std::string operator()(std::string_view text) const;
};

/// The tokens of BERT: words are cut at white space and around punctuation, and each is the fewest pieces that
/// greedily taking the longest one from the left gives.
class WordPiece {
 public:
  struct Options {
    std::string unknown_token = "[UNK]";
    std::string inner_prefix = "##";  ///< of pieces inside a word
    std::size_t longest_word = 100;   ///< characters; longer words are unknown
    bool tidy_decoded = true;         ///< no blank before `.` and the like in decoded text
  };

  /// Fails where the vocabulary lacks the unknown token.
  WordPiece(const Vocabulary& vocabulary, Options options);

  /// Writes the tokens of normalised `text` behind `ids`.
  void encode(const Vocabulary& vocabulary, std::string_view text, std::vector<TokenId>& ids) const;
  /// Writes `token` behind the text decoded so far.
  void decode(std::string_view token, std::string& text, bool is_first) const;

 private:
  void encode_word(const Vocabulary& vocabulary, std::string_view word, std::vector<TokenId>& ids) const;

  Options options_;
  TokenId unknown_ = no_token;
};

}  // namespace finetune
