// SPDX-License-Identifier: Apache-2.0
#include "sentences.hpp"

#include <pst/core/error.hpp>

#include <algorithm>
#include <cstddef>

#include <unicode/locid.h>
#include <unicode/unistr.h>

namespace finetune {

namespace {

void check_length(const Words& words, std::size_t sentence) {
  constexpr std::size_t most = 10'000;
  pst::require(words.size() <= most, "sentence ", sentence, " or one of its references has ", words.size(),
               " words, expected at most ", most, ": is the file cut into sentences?");
}

}  // namespace

std::vector<GeneratedWords> in_words(std::span<const Generated> sentences, Words (*cut)(std::string_view)) {
  std::vector<GeneratedWords> made;
  made.reserve(sentences.size());
  for (const Generated& sentence : sentences) {
    GeneratedWords& words = made.emplace_back();
    words.text = cut(sentence.text);
    for (const std::string& reference : sentence.references) words.references.push_back(cut(reference));
    // A common subsequence takes time in the product of the lengths.
    for (const Words& one : words.references) check_length(one, made.size() - 1);
    check_length(words.text, made.size() - 1);
  }
  check_references("scores", made);
  return made;
}

void check_references(const char* metric, std::span<const GeneratedWords> sentences) {
  pst::require(!sentences.empty(), metric, ": there are no sentences to score, give at least one");
  for (std::size_t i = 0; i < sentences.size(); ++i)
    pst::require(!sentences[i].references.empty(), metric, ": sentence ", i,
                 " has no reference to be compared with, expected at least one");
}

std::string lower_case(std::string_view text) {
  std::string made{text};
  if (std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; })) {
    for (char& c : made)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return made;
  }
  made.clear();
  icu::UnicodeString::fromUTF8({text.data(), static_cast<int32_t>(text.size())})
      .toLower(icu::Locale::getRoot())
      .toUTF8String(made);
  return made;
}

Words split_at_spaces(std::string_view text) {
  constexpr std::string_view spaces = " \t\n\v\f\r\x1C\x1D\x1E\x1F";
  Words words;
  for (std::size_t end = 0;;) {
    const std::size_t begin = text.find_first_not_of(spaces, end);
    if (begin == std::string_view::npos) return words;
    end = std::min(text.find_first_of(spaces, begin), text.size());
    words.emplace_back(text.substr(begin, end - begin));
  }
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  if (text.find(from) == std::string::npos) return;
  std::string made;
  std::size_t done = 0;
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, done)) {
    made.append(text, done, at - done).append(to);
    done = at + from.size();
  }
  text = made.append(text, done);
}

namespace {

bool is_stop(char c) { return c == '.' || c == ','; }

/// The signs that always stand alone: ASCII's, less apostrophe, comma, hyphen and point.
bool is_sign(char c) {
  return (c >= '!' && c <= '/' && c != '\'' && c != ',' && c != '-' && c != '.') || (c >= ':' && c <= '@') ||
         (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
}

/// Replaces each pair of neighbours that `matches` by what `write` adds to the text, from left to right; as in a
/// regular expression, a character that was replaced is in no other pair. The original works so, and "1.,2" shows it.
template <class Matches, class Write>
std::string with_pairs(const std::string& text, Matches matches, Write write) {
  std::string made;
  made.reserve(text.size() * 2);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i + 1 < text.size() && matches(text[i], text[i + 1])) {
      write(made, text[i], text[i + 1]);
      ++i;
    } else {
      made += text[i];
    }
  }
  return made;
}

}  // namespace

Words mteval_words(std::string_view sentence) {
  std::string text{sentence};
  replace_all(text, "<skipped>", "");
  replace_all(text, "-\n", "");
  replace_all(text, "&quot;", "\"");
  replace_all(text, "&amp;", "&");
  replace_all(text, "&lt;", "<");
  replace_all(text, "&gt;", ">");
  std::string spaced = " ";
  for (const char c : text) {
    if (is_sign(c)) spaced += ' ';
    spaced += c;
    if (is_sign(c)) spaced += ' ';
  }
  spaced += ' ';
  // Spaces that Unicode adds to ASCII's, as far as they occur: no-break and ideographic.
  replace_all(spaced, "\xC2\xA0", " ");
  replace_all(spaced, "\xE3\x80\x80", " ");
  spaced = with_pairs(
      spaced, [](char a, char b) { return !is_digit(a) && is_stop(b); },
      [](std::string& to, char a, char b) { (((to += a) += ' ') += b) += ' '; });
  spaced = with_pairs(
      spaced, [](char a, char b) { return is_stop(a) && !is_digit(b); },
      [](std::string& to, char a, char b) { (((to += ' ') += a) += ' ') += b; });
  spaced = with_pairs(
      spaced, [](char a, char b) { return is_digit(a) && b == '-'; },
      [](std::string& to, char a, char b) { (((to += a) += ' ') += b) += ' '; });
  return split_at_spaces(lower_case(spaced));
}

}  // namespace finetune
