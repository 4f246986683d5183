// SPDX-License-Identifier: Apache-2.0
#include "gpt2_split.hpp"

#include "unicode.hpp"

#include <array>

namespace finetune {
namespace {

enum class Kind : unsigned char { letter, number, space, other };

Kind look_up(char32_t character) noexcept {
  if (unicode::is_letter(character)) return Kind::letter;
  if (unicode::is_number(character)) return Kind::number;
  return unicode::is_white_space(character) ? Kind::space : Kind::other;
}

/// The kind of the character at byte `at`, which then stands behind it.
Kind next_kind(std::string_view text, std::size_t& at) noexcept {
  static const auto ascii = [] {
    std::array<Kind, 128> table{};
    for (char32_t character = 0; character < 128; ++character) table[character] = look_up(character);
    return table;
  }();
  const auto byte = static_cast<unsigned char>(text[at]);
  if (byte >= 128) return look_up(unicode::next(text, at));
  ++at;
  return ascii[byte];
}

std::size_t contraction(std::string_view text) noexcept {
  if (text.front() != '\'') return 0;
  for (const std::string_view ending : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"})
    if (text.starts_with(ending)) return ending.size();
  return 0;
}

/// White space leaves its last character to the word behind it, unless it is alone or at the end.
std::size_t white_space(std::string_view text) noexcept {
  std::size_t before_last = 0;
  for (std::size_t end = 0;;) {
    if (end == text.size()) return end;
    std::size_t behind = end;
    if (next_kind(text, behind) != Kind::space) return before_last > 0 ? before_last : end;
    before_last = end;
    end = behind;
  }
}

}  // namespace

std::size_t first_gpt2_word(std::string_view text) noexcept {
  if (const std::size_t length = contraction(text); length > 0) return length;
  std::size_t end = 0;
  Kind kind = next_kind(text, end);
  if (text.front() == ' ' && text.size() > 1) kind = next_kind(text, end);
  if (kind == Kind::space) return white_space(text);
  for (std::size_t behind = end; behind < text.size(); end = behind)
    if (next_kind(text, behind) != kind) break;
  return end;
}

}  // namespace finetune
