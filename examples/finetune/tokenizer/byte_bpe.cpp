// SPDX-License-Identifier: Apache-2.0
#include "byte_bpe.hpp"

#include "byte_symbols.hpp"
#include "gpt2_split.hpp"
#include "in_quotes.hpp"
#include "unicode.hpp"

#include <pst/core/error.hpp>

#include <algorithm>
#include <limits>
#include <tuple>

namespace finetune {
namespace {

constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

std::uint64_t key_of(TokenId left, TokenId right) noexcept {
  return (static_cast<std::uint64_t>(left) << 32U) | static_cast<std::uint32_t>(right);
}

}  // namespace

/// A word while its symbols are joined: a list through `previous` and `next`, and the possible joins as a heap.
struct ByteBpe::Workspace {
  struct Symbol {
    TokenId id;
    std::uint32_t previous;
    std::uint32_t next;
  };
  struct Join {
    std::uint32_t rank;
    std::uint32_t left;
    TokenId left_id;
    TokenId right_id;
    TokenId result;
    /// The heap's top is the best join: lowest rank, then furthest left.
    bool operator<(const Join& other) const noexcept { return std::tie(other.rank, other.left) < std::tie(rank, left); }
  };
  std::vector<Symbol> symbols;
  std::vector<Join> joins;
};

ByteBpe::ByteBpe(const Vocabulary& vocabulary, const Merges& merges, const Options& options)
    : add_prefix_space_{options.add_prefix_space} {
  const TokenId unknown = options.unknown_token.empty() ? no_token : vocabulary.id_of(options.unknown_token);
  for (unsigned byte = 0; byte < 256; ++byte) {
    std::string symbol;
    unicode::append(symbol, byte_symbols::of(static_cast<unsigned char>(byte)));
    const TokenId id = vocabulary.id_of(symbol);
    byte_ids_[byte] = id == no_token ? unknown : id;
    pst::require(byte_ids_[byte] != no_token, "The vocabulary lacks ", in_quotes(symbol), ", the symbol of byte ", byte,
                 ", and an unknown token: byte-level BPE needs all 256");
  }
  pst::require(merges.size() <= most_tokens, "There are ", merges.size(), " merges, expected at most ", most_tokens);
  merges_.reserve(merges.size());
  for (std::size_t rank = 0; rank < merges.size(); ++rank)
    add_merge(vocabulary, merges[rank], static_cast<std::uint32_t>(rank));
}

void ByteBpe::add_merge(const Vocabulary& vocabulary, const std::pair<std::string, std::string>& parts,
                        std::uint32_t rank) {
  const auto id_of = [&](const std::string& token) {
    const TokenId id = vocabulary.id_of(token);
    pst::require(id != no_token, "Merge ", rank + 1, " of ", in_quotes(parts.first), " and ", in_quotes(parts.second),
                 " needs the token ", in_quotes(token), ", which the vocabulary lacks: the two files belong together");
    return id;
  };
  const std::uint64_t key = key_of(id_of(parts.first), id_of(parts.second));
  const bool is_new = merges_.try_emplace(key, Merge{rank, id_of(parts.first + parts.second)}).second;
  pst::require(is_new, "Merge ", rank + 1, " joins ", in_quotes(parts.first), " and ", in_quotes(parts.second),
               " a second time: expected each pair once");
}

void ByteBpe::encode(std::string_view text, std::vector<TokenId>& ids) const {
  pst::require(text.size() < none, "A text of ", text.size(), " bytes is too long, the limit is ", none - 1,
               ": cut it");
  Workspace workspace;
  if (!add_prefix_space_ || text.empty() || text.starts_with(' ')) {
    encode_words(text, workspace, ids);
  } else {
    encode_words(' ' + std::string{text}, workspace, ids);
  }
}

void ByteBpe::encode_words(std::string_view text, Workspace& workspace, std::vector<TokenId>& ids) const {
  while (!text.empty()) {
    const std::size_t length = first_gpt2_word(text);
    encode_word(text.substr(0, length), workspace, ids);
    text.remove_prefix(length);
  }
}

void ByteBpe::propose(Workspace& workspace, std::uint32_t left) const {
  if (left == none) return;
  const Workspace::Symbol& symbol = workspace.symbols[left];
  if (symbol.next == none) return;
  const TokenId right_id = workspace.symbols[symbol.next].id;
  const auto found = merges_.find(key_of(symbol.id, right_id));
  if (found == merges_.end()) return;
  workspace.joins.push_back({found->second.rank, left, symbol.id, right_id, found->second.result});
  std::push_heap(workspace.joins.begin(), workspace.joins.end());
}

void ByteBpe::encode_word(std::string_view word, Workspace& workspace, std::vector<TokenId>& ids) const {
  auto& [symbols, joins] = workspace;
  symbols.clear();
  joins.clear();
  const auto count = static_cast<std::uint32_t>(word.size());
  for (std::uint32_t i = 0; i < count; ++i)
    symbols.push_back(
        {byte_ids_[static_cast<unsigned char>(word[i])], i == 0 ? none : i - 1, i + 1 == count ? none : i + 1});
  for (std::uint32_t i = 0; i + 1 < count; ++i) propose(workspace, i);
  while (!joins.empty()) {
    std::pop_heap(joins.begin(), joins.end());
    const Workspace::Join join = joins.back();
    joins.pop_back();
    Workspace::Symbol& left = symbols[join.left];
    // One of the two has been joined with something else meanwhile.
    if (left.id != join.left_id || left.next == none || symbols[left.next].id != join.right_id) continue;
    Workspace::Symbol& right = symbols[left.next];
    left.id = join.result;
    right.id = no_token;
    left.next = right.next;
    if (left.next != none) symbols[left.next].previous = join.left;
    propose(workspace, left.previous);
    propose(workspace, join.left);
  }
  for (std::uint32_t i = 0; i != none && i < count; i = symbols[i].next) ids.push_back(symbols[i].id);
}

}  // namespace finetune
