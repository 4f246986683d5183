// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "vocabulary.hpp"

#include <cstddef>
#include <vector>

namespace finetune {

/// The tokens of one or two texts as a model takes them.
struct Encoding {
  std::vector<TokenId> ids;
  std::vector<TokenId> types;  ///< which of the two texts a token belongs to, where the model wants to know
};

/// Which special tokens stand around one or two texts.
struct SequenceTemplate {
  enum class Source : unsigned char { special, first, second };
  struct Part {
    Source source = Source::first;
    std::vector<TokenId> ids = {};  ///< of a special part
    TokenId type = 0;
  };
  using Parts = std::vector<Part>;

  Parts single = {{.source = Source::first}};
  Parts pair = {{.source = Source::first}, {.source = Source::second, .type = 1}};

  /// `[CLS] a [SEP] b [SEP]`, type 1 from b on.
  [[nodiscard]] static SequenceTemplate bert(TokenId classifier, TokenId separator);
  /// `<s> a </s></s> b </s>`, all of type 0.
  [[nodiscard]] static SequenceTemplate roberta(TokenId classifier, TokenId separator);
};

/// The special tokens that `parts` adds.
[[nodiscard]] std::size_t special_count(const SequenceTemplate::Parts& parts);

/// `first` and `second` put into `parts`, cut at their ends so that the whole has at most `max_length` tokens. Of two
/// texts the longer one is cut first, down to the other; then both alike, the second keeping an odd token.
/// This is `longest_first` of Hugging Face's `tokenizers`.
[[nodiscard]] Encoding assemble(const SequenceTemplate::Parts& parts, std::vector<TokenId> first,
                                std::vector<TokenId> second, std::size_t max_length);

}  // namespace finetune
