// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "vocabulary.hpp"

#include <array>
#include <cstddef>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace finetune {

/// A token that is looked for in the text before anything else is done with it, with Hugging Face's names.
struct AddedToken {
  std::string content;
  TokenId id = no_token;
  bool single_word = false;  ///< only where no letter, digit or mark stands beside it
  bool lstrip = false;       ///< takes the white space in front of it along
  bool rstrip = false;       ///< and behind it
  bool normalized = false;   ///< looked for in the normalised text, in its own normalised spelling
  bool special = false;      ///< left out of decoded text on request
};

/// A stretch of a text: an added token, or text between them (`id` is no_token).
struct TextPiece {
  std::string_view text;
  TokenId id = no_token;
};

/// The added tokens of a tokenizer. The longest of those that begin at the same place is taken.
class AddedTokens {
 public:
  /// Adds `token`, to be looked for as `spelling`; a token that was there is replaced.
  void add(const AddedToken& token, std::string_view spelling);

  /// Cuts `text` at the tokens whose `normalized` is as asked, and calls `take` for each piece in order.
  void split(std::string_view text, bool normalized, const std::function<void(TextPiece)>& take) const;
  /// Whether `id` is a special token.
  [[nodiscard]] bool is_special(TokenId id) const { return special_.contains(id); }

 private:
  struct Found {
    const AddedToken* token = nullptr;
    std::size_t length = 0;
  };
  struct Spellings {
    std::unordered_map<std::string, AddedToken, TextHash, std::equal_to<>> tokens;
    std::array<std::set<std::size_t, std::greater<>>, 256> lengths;  ///< of the tokens that begin with a byte
    [[nodiscard]] Found longest_at(std::string_view text) const;
  };

  Spellings raw_;
  Spellings normalized_;
  std::unordered_set<TokenId> special_;
};

}  // namespace finetune
