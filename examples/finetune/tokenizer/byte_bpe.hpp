// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "vocabulary.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace finetune {

/// The byte pair encoding of GPT-2 and RoBERTa: a text is cut into words, a word into bytes, and neighbours are joined
/// in the order in which training found their pairs.
class ByteBpe {
 public:
  using Merges = std::vector<std::pair<std::string, std::string>>;  ///< the most important pair first
  struct Options {
    std::string unknown_token;      ///< for bytes without a token; empty where every byte must have one
    bool add_prefix_space = false;  ///< a text that begins without a blank gets one
  };

  /// Fails where the vocabulary lacks a byte or a part or result of a merge.
  ByteBpe(const Vocabulary& vocabulary, const Merges& merges, const Options& options);

  /// Writes the tokens of `text`, which must be UTF-8, behind `ids`.
  void encode(std::string_view text, std::vector<TokenId>& ids) const;

 private:
  struct Merge {
    std::uint32_t rank;
    TokenId result;
  };
  struct Workspace;

  void add_merge(const Vocabulary& vocabulary, const std::pair<std::string, std::string>& parts, std::uint32_t rank);
  void encode_words(std::string_view text, Workspace& workspace, std::vector<TokenId>& ids) const;
  void encode_word(std::string_view word, Workspace& workspace, std::vector<TokenId>& ids) const;
  void propose(Workspace& workspace, std::uint32_t left) const;

  std::array<TokenId, 256> byte_ids_{};
  std::unordered_map<std::uint64_t, Merge> merges_;
  bool add_prefix_space_ = false;
};

}  // namespace finetune
