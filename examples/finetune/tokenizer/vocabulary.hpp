// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace finetune {

/// The number of a token, and of its row in the embedding.
using TokenId = std::int32_t;
/// Stands for a token that a vocabulary does not have.
inline constexpr TokenId no_token = -1;
/// The bytes a token may have, so that no search for tokens takes long.
inline constexpr std::size_t longest_token = 4096;
/// The tokens, and the merges, that a tokenizer may have; an id is below it, so that no file asks for a huge embedding.
inline constexpr std::size_t most_tokens = std::size_t{1} << 22U;

/// Lets a map of strings be asked with a view.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
};

/// Tokens and their numbers.
class Vocabulary {
 public:
  /// Gives `token` the number `id`, which must be below most_tokens and no other token's. A token that was there gets
  /// the new number.
  void set(std::string_view token, std::uint64_t id);

  /// The number of `token`, or no_token.
  [[nodiscard]] TokenId id_of(std::string_view token) const;
  /// The token with the number `id`, or null.
  [[nodiscard]] const std::string* token_of(TokenId id) const;
  /// One more than the largest number of a token that a text can have: the rows an embedding must have. An empty token,
  /// as a blank line of vocab.txt is, never occurs.
  [[nodiscard]] std::size_t rows() const noexcept { return rows_; }
  /// How many different tokens there are.
  [[nodiscard]] std::size_t size() const noexcept { return ids_.size(); }
  /// The bytes of the longest token.
  [[nodiscard]] std::size_t longest() const noexcept { return longest_; }

 private:
  std::unordered_map<std::string, TokenId, TextHash, std::equal_to<>> ids_;
  std::unordered_map<TokenId, std::string> tokens_;
  std::size_t rows_ = 0;
  std::size_t longest_ = 0;
};

}  // namespace finetune
