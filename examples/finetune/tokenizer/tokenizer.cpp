// SPDX-License-Identifier: Apache-2.0
#include "tokenizer.hpp"

#include "byte_symbols.hpp"
#include "in_quotes.hpp"
#include "unicode.hpp"

#include <pst/core/error.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace finetune {

PaddedBatch padded(std::span<const Encoding> encodings, TokenId padding) {
  PaddedBatch batch;
  for (const auto& encoding : encodings) batch.length = std::max(batch.length, encoding.ids.size());
  for (const auto& encoding : encodings) {
    batch.lengths.push_back(encoding.ids.size());
    batch.ids.insert(batch.ids.end(), encoding.ids.begin(), encoding.ids.end());
    batch.ids.resize(batch.lengths.size() * batch.length, padding);
    batch.types.insert(batch.types.end(), encoding.types.begin(), encoding.types.end());
    batch.types.resize(batch.ids.size(), 0);
  }
  return batch;
}

Tokenizer::Tokenizer(Parts parts) : parts_{std::move(parts)}, embedding_rows_{parts_.vocabulary.rows()} {
  const auto need = [&](TokenId id) { embedding_rows_ = std::max(embedding_rows_, static_cast<std::size_t>(id) + 1); };
  for (const auto& [content, token] : parts_.added) {
    const auto* const other = parts_.vocabulary.token_of(token.id);
    pst::require(token.id >= 0 && (other == nullptr || *other == content), "The added token ", in_quotes(content),
                 " has the id ", token.id, " of the token ", in_quotes(other == nullptr ? "" : *other),
                 ": expected one of its own");
    // Decoded text has the spelling too.
    const std::string spelling = token.normalized && is_word_piece() ? parts_.normalizer(content) : content;
    added_.add(token, spelling);
    added_spellings_.set(spelling, static_cast<std::uint64_t>(token.id));
    if (!token.special) need(token.id);
  }
  for (const auto* const some : {&parts_.sequence.single, &parts_.sequence.pair})
    for (const SequenceTemplate::Part& part : *some) std::ranges::for_each(part.ids, need);
}

std::size_t Tokenizer::vocabulary_size() const noexcept {
  return std::max(parts_.vocabulary.rows(), added_spellings_.rows());
}

TokenId Tokenizer::id_of(std::string_view token) const {
  const auto found = parts_.added.find(token);
  return found == parts_.added.end() ? parts_.vocabulary.id_of(token) : found->second.id;
}

Encoding Tokenizer::encode(std::string_view text, std::size_t max_length) const {
  return assemble(parts_.sequence.single, tokens_of(text), {}, max_length);
}

Encoding Tokenizer::encode(std::string_view first, std::string_view second, std::size_t max_length) const {
  return assemble(parts_.sequence.pair, tokens_of(first), tokens_of(second), max_length);
}

std::vector<TokenId> Tokenizer::tokens_of(std::string_view text) const {
  std::vector<TokenId> ids;
  const std::string valid = unicode::repaired(text);
  const auto take_normalized = [&](TextPiece piece) {
    if (piece.id != no_token) {
      ids.push_back(piece.id);
    } else if (is_word_piece()) {
      std::get<WordPiece>(parts_.model).encode(parts_.vocabulary, piece.text, ids);
    } else {
      std::get<ByteBpe>(parts_.model).encode(piece.text, ids);
    }
  };
  added_.split(valid, false, [&](TextPiece piece) {
    if (piece.id != no_token) {
      ids.push_back(piece.id);
    } else if (is_word_piece()) {
      added_.split(parts_.normalizer(piece.text), true, take_normalized);
    } else {
      added_.split(piece.text, true, take_normalized);
    }
  });
  return ids;
}

std::string Tokenizer::decode(std::span<const TokenId> ids, bool leave_out_special) const {
  std::string text;
  bool is_first = true;
  for (const TokenId id : ids) {
    const std::string* token = added_spellings_.token_of(id);
    if (token == nullptr) token = parts_.vocabulary.token_of(id);
    if (token == nullptr || (leave_out_special && added_.is_special(id))) continue;
    if (!parts_.decodes) {
      text.append(std::exchange(is_first, false) ? "" : " ").append(*token);
    } else if (is_word_piece()) {
      std::get<WordPiece>(parts_.model).decode(*token, text, std::exchange(is_first, false));
    } else {
      text += byte_symbols::bytes_of(*token);
    }
  }
  return is_word_piece() || !parts_.decodes ? text : unicode::repaired(text);
}

}  // namespace finetune
