// SPDX-License-Identifier: Apache-2.0
#include "word_piece.hpp"

#include "in_quotes.hpp"
#include "unicode.hpp"

#include <pst/core/error.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace finetune {
namespace {

std::string without_accents(std::string_view text) {
  const std::string parts = unicode::decomposed(text);
  std::string result;
  result.reserve(parts.size());
  for (std::size_t at = 0; at < parts.size();) {
    const char32_t character = unicode::next(parts, at);
    if (!unicode::is_accent(character)) unicode::append(result, character);
  }
  return result;
}

std::string lowered(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) unicode::append_lower(result, unicode::next(text, at));
  return result;
}

/// The bytes of the longest beginning of `text` that has at most `most` bytes and whole characters.
std::size_t whole_characters(std::string_view text, std::size_t most) {
  if (most >= text.size()) return text.size();
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0U) == 0x80U) --most;
  return most;
}

std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; }));
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

/// What Hugging Face calls clean up: English signs lose the blank in front.
void tidy(std::string& piece) {
  using Change = std::pair<std::string_view, std::string_view>;
  constexpr std::array<Change, 11> changes{{{" .", "."},
                                            {" ?", "?"},
                                            {" !", "!"},
                                            {" ,", ","},
                                            {" ' ", "'"},
                                            {" n't", "n't"},
                                            {" 'm", "'m"},
                                            {" do not", " don't"},
                                            {" 's", "'s"},
                                            {" 've", "'ve"},
                                            {" 're", "'re"}}};
  for (const auto& [from, to] : changes) replace_all(piece, from, to);
}

}  // namespace

std::string BertNormalizer::operator()(std::string_view text) const {
  std::string result;
  result.reserve(text.size() + text.size() / 8);
  for (std::size_t at = 0; at < text.size();) {
    char32_t character = unicode::next(text, at);
    if (clean_text) {
      if (character == '\t' || character == '\n' || character == '\r') character = ' ';
      if (character == 0xFFFD || unicode::is_control(character)) continue;
      if (unicode::is_white_space(character)) character = ' ';
    }
    const bool apart = split_ideographs && unicode::is_ideograph(character);
    if (apart) result.push_back(' ');
    unicode::append(result, character);
    if (apart) result.push_back(' ');
  }
  if (strip_accents && !unicode::is_ascii(result)) result = without_accents(result);
  return lower_case ? lowered(result) : result;
}

WordPiece::WordPiece(const Vocabulary& vocabulary, Options options)
    : options_{std::move(options)},
      unknown_{options_.unknown_token.empty() ? no_token : vocabulary.id_of(options_.unknown_token)} {
  pst::require(unknown_ != no_token, "The vocabulary lacks the unknown token ", in_quotes(options_.unknown_token),
               ", which words without pieces need: use the files that belong to the model");
}

void WordPiece::encode(const Vocabulary& vocabulary, std::string_view text, std::vector<TokenId>& ids) const {
  std::size_t word = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const char32_t character = unicode::next(text, at);
    const bool is_sign = unicode::is_punctuation(character);
    if (!is_sign && !unicode::is_white_space(character)) continue;
    encode_word(vocabulary, text.substr(word, begin - word), ids);
    if (is_sign) encode_word(vocabulary, text.substr(begin, at - begin), ids);
    word = at;
  }
  encode_word(vocabulary, text.substr(word), ids);
}

void WordPiece::encode_word(const Vocabulary& vocabulary, std::string_view word, std::vector<TokenId>& ids) const {
  if (word.empty()) return;
  const std::size_t count_before = ids.size();
  bool is_known = count_characters(word) <= options_.longest_word;
  std::string piece;
  for (std::size_t begin = 0; is_known && begin < word.size();) {
    piece.clear();
    if (begin > 0) piece = options_.inner_prefix;
    const std::size_t prefix = piece.size();
    // No piece is longer than the longest token, however long the word.
    const std::size_t most = vocabulary.longest() > prefix ? vocabulary.longest() - prefix : 0;
    std::size_t length = whole_characters(word.substr(begin), most);
    piece += word.substr(begin, length);
    TokenId id = vocabulary.id_of(piece);
    while (id == no_token && length > 0) {
      length = whole_characters(word.substr(begin), length - 1);
      piece.resize(prefix + length);
      if (length > 0) id = vocabulary.id_of(piece);
    }
    is_known = length > 0;
    if (is_known) ids.push_back(id);
    begin += length;
  }
  if (is_known) return;
  ids.resize(count_before);
  ids.push_back(unknown_);
}

void WordPiece::decode(std::string_view token, std::string& text, bool is_first) const {
  std::string piece{token};
  if (!is_first) {
    if (token.starts_with(options_.inner_prefix)) {
      piece.erase(0, options_.inner_prefix.size());
    } else {
      piece.insert(piece.begin(), ' ');
    }
  }
  if (options_.tidy_decoded) tidy(piece);
  text += piece;
}

}  // namespace finetune
