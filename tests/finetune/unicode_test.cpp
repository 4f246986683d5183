// SPDX-License-Identifier: Apache-2.0
// Expected values come from Hugging Face's tokenizers, through tests/finetune/make/tokenizer_cases.py.
#include <doctest/doctest.h>

#include "finetune/tokenizer/unicode.hpp"
#include "finetune/tokenizer/word_piece.hpp"
#include "finetune/tokenizer_files.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <unicode/uchar.h>

namespace unicode = finetune::unicode;
using tokenizer_test::json;

namespace {

/// The characters of Unicode 14, which every ICU since 70 knows.
const std::vector<char32_t>& characters() {
  static const auto all = [] {
    std::vector<char32_t> list;
    for (char32_t c = 0; c <= 0x10FFFF; ++c) {
      UVersionInfo age;
      u_charAge(static_cast<UChar32>(c), age);
      const auto type = u_charType(static_cast<UChar32>(c));
      if (type != U_UNASSIGNED && type != U_SURROGATE && age[0] != 0 && age[0] <= 14) list.push_back(c);
    }
    return list;
  }();
  return all;
}

std::string text_of(char32_t c) {
  std::string text;
  unicode::append(text, c);
  return text;
}

void check_class(const json& ranges, const std::function<bool(char32_t)>& is_in) {
  std::size_t range = 0;
  for (const char32_t c : characters()) {
    while (range < ranges.size() && ranges[range + 1] < static_cast<std::uint32_t>(c)) range += 2;
    const bool expected = range < ranges.size() && ranges[range] <= static_cast<std::uint32_t>(c);
    if (is_in(c) == expected) continue;
    CAPTURE(static_cast<std::uint32_t>(c));
    CHECK(is_in(c) == expected);
  }
}

std::uint64_t hashed(std::uint64_t hash, std::string_view text) {
  for (const char byte : text) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001B3U;
  return hash;
}

std::uint64_t number_of(const json& value) { return std::stoull(value.get<std::string>(), nullptr, 16); }

}  // namespace

TEST_CASE("Every character of Unicode 14 is in the classes that tokenizers has it in") {
  const json expected = tokenizer_test::read_json(tokenizer_test::fixtures() / "characters.json");
  REQUIRE(characters().size() > 280000);
  const finetune::BertNormalizer clean{
      .clean_text = true, .split_ideographs = false, .strip_accents = false, .lower_case = false};
  SUBCASE("removed") {
    check_class(expected["removed"], [&](char32_t c) { return clean(text_of(c)).empty(); });
  }
  SUBCASE("made a blank") {
    check_class(expected["blank"], [&](char32_t c) { return clean(text_of(c)) == " "; });
  }
  SUBCASE("ideograph") { check_class(expected["ideograph"], unicode::is_ideograph); }
  SUBCASE("sign") { check_class(expected["sign"], unicode::is_punctuation); }
  SUBCASE("letter") { check_class(expected["letter"], unicode::is_letter); }
  SUBCASE("number") { check_class(expected["number"], unicode::is_number); }
  SUBCASE("space") { check_class(expected["space"], unicode::is_white_space); }
}

TEST_CASE("Every character of Unicode 14 is stripped and lowered as tokenizers does") {
  const json expected = tokenizer_test::read_json(tokenizer_test::fixtures() / "characters.json");
  const finetune::BertNormalizer strip{
      .clean_text = false, .split_ideographs = false, .strip_accents = true, .lower_case = false};
  const finetune::BertNormalizer lower{
      .clean_text = false, .split_ideographs = false, .strip_accents = false, .lower_case = true};
  for (const auto& block : expected["blocks"]) {
    const auto number = block[0].get<std::uint32_t>();
    std::uint64_t stripped = 0;
    std::uint64_t lowered = 0;
    for (char32_t c = number << 10U; c < (number + 1) << 10U; ++c) {
      if (!std::ranges::binary_search(characters(), c)) continue;
      stripped = hashed(stripped, strip(text_of(c)) + "\n");
      lowered = hashed(lowered, lower(text_of(c)) + "\n");
    }
    CAPTURE(number);
    CHECK(stripped == number_of(block[1]));
    CHECK(lowered == number_of(block[2]));
  }
}

TEST_CASE("Bytes that are not UTF-8 become one replacement for each piece that could have become a character") {
  CHECK(unicode::repaired("a\xFF"
                          "b") == "a\uFFFDb");
  CHECK(unicode::repaired("\xE2\x82") == "\uFFFD");
  CHECK(unicode::repaired("\xE2\x82"
                          "a") == "\uFFFDa");
  CHECK(unicode::repaired("\xED\xA0\x80") == "\uFFFD\uFFFD\uFFFD");
  CHECK(unicode::repaired("\xF0\x9F\x98\xF0\x9F\x98\x80") == "\uFFFD\U0001F600");
  CHECK(unicode::repaired("\xC0\x80") == "\uFFFD\uFFFD");
}

TEST_CASE("Marks are put in order before they are stripped, and lower case looks at one character alone") {
  CHECK(unicode::decomposed("s\u0307\u0323") == "s\u0323\u0307");
  std::string text;
  for (const char32_t c : {U'Σ', U'İ', U'ẞ', U'A'}) unicode::append_lower(text, c);
  CHECK(text == "σi\u0307ßa");
}
