// SPDX-License-Identifier: Apache-2.0
#include "unicode.hpp"

#include <pst/core/error.hpp>

#include <algorithm>
#include <cstdint>
#include <vector>

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/utf8.h>

namespace finetune::unicode {
namespace {

UChar32 code(char32_t character) noexcept { return static_cast<UChar32>(character); }

std::uint32_t category(char32_t character) noexcept { return U_MASK(u_charType(code(character))); }

/// The general category that `character` had in Unicode 8.
std::uint32_t category_of_unicode_8(char32_t character) noexcept {
  // Six have changed since. A test goes through all characters.
  switch (character) {
    case 0x166D:
    case 0x111C9: return U_GC_PO_MASK;
    case 0x1734: return U_GC_MN_MASK;
    case 0x1885:
    case 0x1886: return U_GC_LO_MASK;
    case 0xA9BD: return U_GC_MC_MASK;
    default: break;
  }
  UVersionInfo age;
  u_charAge(code(character), age);
  if (age[0] == 0 || age[0] > 8) return U_GC_CN_MASK;
  return category(character);
}

/// A character and its place among the marks on one letter; 0 begins a new letter.
struct Placed {
  char32_t character;
  std::uint8_t combining_class;
};

/// ICU's tables of canonical decomposition, kept to the characters of Unicode 12, the version that `tokenizers` has.
/// Its own loop takes quadratic time where a stranger puts many marks on one letter.
class Decomposition {
 public:
  Decomposition() {
    UErrorCode error = U_ZERO_ERROR;
    tables_ = icu::Normalizer2::getNFDInstance(error);
    pst::require(U_SUCCESS(error), "ICU has no table of decompositions (", u_errorName(error), "): install its data");
  }

  void append_to(std::vector<Placed>& parts, char32_t character) const {
    constexpr char32_t first_that_changes = 0xC0;
    icu::UnicodeString changed;
    if (character < first_that_changes || !is_known(character) ||
        !tables_->getDecomposition(code(character), changed)) {
      parts.push_back(placed(character));
      return;
    }
    for (std::int32_t i = 0; i < changed.length(); i = changed.moveIndex32(i, 1))
      parts.push_back(placed(static_cast<char32_t>(changed.char32At(i))));
  }

 private:
  static bool is_known(char32_t character) noexcept {
    UVersionInfo age;
    u_charAge(code(character), age);
    return age[0] != 0 && age[0] <= 12;
  }
  [[nodiscard]] Placed placed(char32_t character) const {
    constexpr char32_t first_mark = 0x300;
    if (character < first_mark || !is_known(character)) return {character, 0};
    return {character, tables_->getCombiningClass(code(character))};
  }

  const icu::Normalizer2* tables_ = nullptr;
};

}  // namespace

// ICU's macro computes bytes as int.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
char32_t next(std::string_view text, std::size_t& at) noexcept {
  const char* bytes = text.data();
  UChar32 character = 0;
  U8_NEXT_OR_FFFD(bytes, at, text.size(), character);
  return static_cast<char32_t>(character);
}
#pragma GCC diagnostic pop

void append(std::string& text, char32_t character) {
  if (character < 0x80) {
    text.push_back(static_cast<char>(character));
    return;
  }
  std::uint8_t bytes[U8_MAX_LENGTH];
  std::size_t count = 0;
  U8_APPEND_UNSAFE(bytes, count, character);
  for (std::size_t i = 0; i < count; ++i) text.push_back(static_cast<char>(bytes[i]));
}

std::string repaired(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) append(result, next(text, at));
  return result;
}

bool is_ascii(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char byte) { return static_cast<unsigned char>(byte) < 0x80; });
}

std::string decomposed(std::string_view text) {
  static const Decomposition decomposition;
  std::vector<Placed> parts;
  parts.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) decomposition.append_to(parts, next(text, at));
  const auto begins = [](const Placed& part) { return part.combining_class == 0; };
  for (auto first = parts.begin(); first != parts.end();) {
    first = std::find_if_not(first, parts.end(), begins);
    const auto last = std::find_if(first, parts.end(), begins);
    std::ranges::stable_sort(first, last, {}, &Placed::combining_class);
    first = last;
  }
  std::string result;
  result.reserve(text.size());
  for (const Placed& part : parts) append(result, part.character);
  return result;
}

void append_lower(std::string& text, char32_t character) {
  // The one character whose lower case is two: i and the dot above.
  if (character == 0x130) {
    text += "i\xCC\x87";
  } else {
    append(text, static_cast<char32_t>(u_tolower(code(character))));
  }
}

bool is_white_space(char32_t character) noexcept { return u_isUWhiteSpace(code(character)) != 0; }
bool is_letter(char32_t character) noexcept { return (category(character) & U_GC_L_MASK) != 0; }
bool is_number(char32_t character) noexcept { return (category(character) & U_GC_N_MASK) != 0; }

bool is_word(char32_t character) noexcept {
  return u_hasBinaryProperty(code(character), UCHAR_ALPHABETIC) != 0 ||
         u_hasBinaryProperty(code(character), UCHAR_JOIN_CONTROL) != 0 ||
         (category(character) & (U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK)) != 0;
}

bool is_control(char32_t character) noexcept {
  if (character < 0x80) return character < 0x20 || character == 0x7F;
  return (category_of_unicode_8(character) & (U_GC_CC_MASK | U_GC_CF_MASK | U_GC_CO_MASK)) != 0;
}

bool is_punctuation(char32_t character) noexcept {
  if (character < 0x80) return character > 0x20 && character < 0x7F && u_isalnum(code(character)) == 0;
  return (category_of_unicode_8(character) & U_GC_P_MASK) != 0;
}

bool is_accent(char32_t character) noexcept { return (category_of_unicode_8(character) & U_GC_MN_MASK) != 0; }

bool is_ideograph(char32_t character) noexcept {
  const auto within = [&](char32_t first, char32_t last) { return first <= character && character <= last; };
  return within(0x4E00, 0x9FFF) || within(0x3400, 0x4DBF) || within(0x20000, 0x2A6DF) || within(0x2A700, 0x2B73F) ||
         within(0x2B740, 0x2B81F) || within(0x2B920, 0x2CEAF) || within(0xF900, 0xFAFF) || within(0x2F800, 0x2FA1F);
}

}  // namespace finetune::unicode
