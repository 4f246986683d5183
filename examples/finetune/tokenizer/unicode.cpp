// SPDX-License-Identifier: Apache-2.0
#include "unicode.hpp"

#include <pst/core/error.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/stringpiece.h>
#include <unicode/uchar.h>
#include <unicode/uniset.h>
#include <unicode/unistr.h>
#include <unicode/utf8.h>

namespace finetune::unicode {
namespace {

UChar32 icu(char32_t character) noexcept { return static_cast<UChar32>(character); }

std::uint32_t category(char32_t character) noexcept { return U_MASK(u_charType(icu(character))); }

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
  u_charAge(icu(character), age);
  if (age[0] == 0 || age[0] > 8) return U_GC_CN_MASK;
  return category(character);
}

/// NFD of Unicode 12, the version that `tokenizers` has; later characters stay as they are.
const icu::Normalizer2& decomposition() {
  static const icu::FilteredNormalizer2 normalizer = [] {
    UErrorCode error = U_ZERO_ERROR;
    const auto* every = icu::Normalizer2::getNFDInstance(error);
    static const icu::UnicodeSet known{icu::UnicodeString{"[:Age=12.1:]", -1, US_INV}, error};
    pst::require(U_SUCCESS(error), "ICU has no table of decompositions (", u_errorName(error), "): install its data");
    return icu::FilteredNormalizer2{*every, known};
  }();
  return normalizer;
}

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
  pst::require(text.size() <= std::numeric_limits<std::int32_t>::max(), "A text of ", text.size(),
               " bytes is too long to be decomposed, the limit is 2147483647: cut it");
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2& normalizer = decomposition();
  std::string result;
  icu::StringByteSink<std::string> sink{&result};
  normalizer.normalizeUTF8(0, icu::StringPiece{text.data(), static_cast<std::int32_t>(text.size())}, sink, nullptr,
                           error);
  pst::require(U_SUCCESS(error), "ICU cannot decompose a text of ", text.size(), " bytes: ", u_errorName(error));
  return result;
}

void append_lower(std::string& text, char32_t character) {
  // The one character whose lower case is two: i and the dot above.
  if (character == 0x130) {
    text += "i\xCC\x87";
  } else {
    append(text, static_cast<char32_t>(u_tolower(icu(character))));
  }
}

bool is_white_space(char32_t character) noexcept { return u_isUWhiteSpace(icu(character)) != 0; }
bool is_letter(char32_t character) noexcept { return (category(character) & U_GC_L_MASK) != 0; }
bool is_number(char32_t character) noexcept { return (category(character) & U_GC_N_MASK) != 0; }

bool is_word(char32_t character) noexcept {
  return u_hasBinaryProperty(icu(character), UCHAR_ALPHABETIC) != 0 ||
         u_hasBinaryProperty(icu(character), UCHAR_JOIN_CONTROL) != 0 ||
         (category(character) & (U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK)) != 0;
}

bool is_control(char32_t character) noexcept {
  if (character < 0x80) return character < 0x20 || character == 0x7F;
  return (category_of_unicode_8(character) & (U_GC_CC_MASK | U_GC_CF_MASK | U_GC_CO_MASK)) != 0;
}

bool is_punctuation(char32_t character) noexcept {
  if (character < 0x80) return character > 0x20 && character < 0x7F && u_isalnum(icu(character)) == 0;
  return (category_of_unicode_8(character) & U_GC_P_MASK) != 0;
}

bool is_accent(char32_t character) noexcept { return (category_of_unicode_8(character) & U_GC_MN_MASK) != 0; }

bool is_ideograph(char32_t character) noexcept {
  const auto within = [&](char32_t first, char32_t last) { return first <= character && character <= last; };
  return within(0x4E00, 0x9FFF) || within(0x3400, 0x4DBF) || within(0x20000, 0x2A6DF) || within(0x2A700, 0x2B73F) ||
         within(0x2B740, 0x2B81F) || within(0x2B920, 0x2CEAF) || within(0xF900, 0xFAFF) || within(0x2F800, 0x2FA1F);
}

}  // namespace finetune::unicode
