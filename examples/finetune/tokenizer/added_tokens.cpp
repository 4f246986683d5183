// SPDX-License-Identifier: Apache-2.0
#include "added_tokens.hpp"

#include "unicode.hpp"

#include <algorithm>

namespace finetune {
namespace {

/// Where the character that ends at byte `end` of `text` begins.
std::size_t character_before(std::string_view text, std::size_t end) {
  std::size_t begin = end - 1;
  while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0U) == 0x80U) --begin;
  return begin;
}

char32_t character_at(std::string_view text, std::size_t at) { return unicode::next(text, at); }

bool stands_alone(std::string_view text, std::size_t begin, std::size_t end) {
  if (begin > 0 && unicode::is_word(character_at(text, character_before(text, begin)))) return false;
  return end == text.size() || !unicode::is_word(character_at(text, end));
}

std::size_t space_before(std::string_view text, std::size_t begin, std::size_t lowest) {
  while (begin > lowest) {
    const std::size_t before = character_before(text, begin);
    if (!unicode::is_white_space(character_at(text, before))) break;
    begin = before;
  }
  return std::max(begin, lowest);
}

std::size_t space_behind(std::string_view text, std::size_t end) {
  for (std::size_t at = end; at < text.size(); end = at)
    if (!unicode::is_white_space(unicode::next(text, at))) break;
  return end;
}

}  // namespace

void AddedTokens::add(const AddedToken& token, std::string_view spelling) {
  if (token.special) special_.insert(token.id);
  if (spelling.empty()) return;
  Spellings& spellings = token.normalized ? normalized_ : raw_;
  spellings.tokens.insert_or_assign(std::string{spelling}, token);
  spellings.lengths[static_cast<unsigned char>(spelling.front())].insert(spelling.size());
}

AddedTokens::Found AddedTokens::Spellings::longest_at(std::string_view text) const {
  for (const std::size_t length : lengths[static_cast<unsigned char>(text.front())]) {
    if (length > text.size()) continue;
    const auto found = tokens.find(text.substr(0, length));
    if (found != tokens.end()) return {&found->second, length};
  }
  return {};
}

void AddedTokens::split(std::string_view text, bool normalized, const std::function<void(TextPiece)>& take) const {
  const Spellings& spellings = normalized ? normalized_ : raw_;
  std::size_t taken = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto [token, length] = spellings.longest_at(text.substr(at));
    const std::size_t end = at + std::max<std::size_t>(length, 1);
    if (token != nullptr && (!token->single_word || stands_alone(text, at, end))) {
      const std::size_t first = std::max(token->lstrip ? space_before(text, at, taken) : at, taken);
      const std::size_t last = token->rstrip ? space_behind(text, end) : end;
      if (taken < first) take({text.substr(taken, first - taken)});
      take({text.substr(first, last - first), token->id});
      taken = last;
    }
    at = end;
  }
  if (taken < text.size()) take({text.substr(taken)});
}

}  // namespace finetune
