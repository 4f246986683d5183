// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "sentences.hpp"

namespace finetune {
namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
}
bool is_inner(char c) { return is_digit(c) || is_letter(c); }

template <std::size_t N>
bool is_among(std::string_view word, const std::array<std::string_view, N>& list) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

/// Words whose point belongs to them, apart from single letters and initials.
constexpr std::array<std::string_view, 58> abbreviations{
    "mr",   "mrs",  "ms",  "dr",  "st",   "jr",  "sr",  "inc", "corp",  "co",   "ltd",  "plc",  "prof", "gen",  "gov",
    "sen",  "rep",  "rev", "sgt", "capt", "lt",  "col", "maj", "mt",    "vs",   "etc",  "jan",  "feb",  "mar",  "apr",
    "jun",  "jul",  "aug", "sep", "sept", "oct", "nov", "dec", "ave",   "blvd", "rd",   "ft",   "univ", "dept", "assn",
    "bros", "ph.d", "al",  "adv", "rt",   "va",  "ga",  "pa",  "calif", "mass", "mich", "conn", "ariz"};
constexpr std::array<std::string_view, 8> dollars{"us", "hk", "nz", "ca", "a", "aud", "au", "can"};
constexpr std::array<std::string_view, 6> suffixes{"'s", "'m", "'d", "'re", "'ve", "'ll"};

/// What is spoken as one word and counted as two; the number says where it is cut.
struct Fused {
  std::string_view word;
  std::size_t cut;
};
constexpr std::array<Fused, 6> fused{
    {{"cannot", 3}, {"gonna", 3}, {"gotta", 3}, {"wanna", 3}, {"gimme", 3}, {"lemme", 3}}};

/// Cuts what stands between two spaces. `at_` is the first byte that is in no word yet.
class CaptionCutter {
 public:
  CaptionCutter(std::string_view chunk, bool number_follows, Words& words)
      : chunk_{chunk}, number_follows_{number_follows}, words_{words} {}

  void cut() {
    while (at_ < chunk_.size()) {
      if (is_inner(chunk_[at_]) || begins_number()) {
        cut_word();
      } else if (chunk_[at_] == '\'' && cut_suffix()) {
      } else {
        cut_sign();
      }
    }
  }

 private:
  char byte(std::size_t i) const { return i < chunk_.size() ? chunk_[i] : ' '; }

  bool begins_number() const {
    const char c = chunk_[at_];
    if (c == '.') return is_digit(byte(at_ + 1)) && (at_ == 0 || byte(at_ - 1) != '.');
    if (c == '-' || c == '+') return at_ == 0 && (is_digit(byte(1)) || (byte(1) == '.' && is_digit(byte(2))));
    return false;
  }

  /// Takes "'s" and its like where a sentence was written with spaces around them, and years as in "'90s".
  bool cut_suffix() {
    std::size_t end = at_ + 1;
    while (is_inner(byte(end))) ++end;
    const auto word = chunk_.substr(at_, end - at_);
    const bool is_year =
        word.size() >= 3 && is_digit(word[1]) && is_digit(word[2]) && (word.size() == 3 || word.substr(3) == "s");
    if (!is_year && word != "'em" && word != "'n" && !is_among(word, suffixes)) return false;
    words_.emplace_back(word);
    at_ = end;
    return true;
  }

  /// Whether the sign at `i`, inside a word, belongs to it.
  bool joins(std::size_t i) const {
    const char c = byte(i), before = byte(i - 1), after = byte(i + 1);
    if (!is_inner(after)) return false;
    if (c == '-' || c == '.' || c == '/' || c == '_' || c == '@') return true;
    if (c == ',' || c == ':') return is_digit(before) && is_digit(after);
    if (c == '\'' || c == '&') return is_letter(before) && is_letter(after);
    return false;
  }

  bool is_ellipsis(std::size_t i) const { return byte(i + 1) == '.' && byte(i + 2) == '.'; }

  void cut_word() {
    if (is_address()) return cut_address();
    std::size_t end = at_ + 1;
    while (end < chunk_.size() && (is_inner(byte(end)) || joins(end))) ++end;
    auto word = chunk_.substr(at_, end - at_);
    if (byte(end) == '.' && !is_ellipsis(end) && owns_point(word)) word = chunk_.substr(at_, ++end - at_);
    if (byte(end) == '$' && is_among(word, dollars)) word = chunk_.substr(at_, ++end - at_);
    at_ = end;
    add(word);
  }

  bool is_address() const {
    const auto rest = chunk_.substr(at_);
    return rest.starts_with("http://") || rest.starts_with("https://") || rest.starts_with("www.");
  }

  void cut_address() {
    std::size_t end = chunk_.size();
    while (end > at_ + 1 && std::string_view{".,;:!?)\"'"}.find(chunk_[end - 1]) != std::string_view::npos) --end;
    words_.emplace_back(chunk_.substr(at_, end - at_));
    at_ = end;
  }

  bool owns_point(std::string_view word) const {
    bool initials = !is_digit(word[0]);  // one letter between points
    for (std::size_t i = 1; i < word.size(); ++i) initials = initials && (i % 2 == 1) == (word[i] == '.');
    return initials || is_among(word, abbreviations) || (word == "no" && number_follows_);
  }

  void add(std::string_view word) {
    for (const Fused& known : fused)
      if (word == known.word) return add_halves(word, known.cut);
    if (word.size() > 3 && word.ends_with("n't")) return add_halves(word, word.size() - 3);
    for (const auto suffix : suffixes)
      if (word.size() > suffix.size() && word.ends_with(suffix)) return add_halves(word, word.size() - suffix.size());
    // "10:30am", but "10am" is one word.
    if ((word.ends_with("am") || word.ends_with("pm")) && word.find(':') != std::string_view::npos)
      return add_halves(word, word.size() - 2);
    // "1.8g", but "18g" is one word.
    const std::size_t unit = std::min(word.find_first_not_of("+-.,0123456789"), word.size());
    if (unit > 0 && unit < word.size() && is_letter(word[unit]) && is_digit(word[unit - 1]) &&
        word.substr(0, unit).find('.') != std::string_view::npos && word.find('-', 1) == std::string_view::npos)
      return add_halves(word, unit);
    words_.emplace_back(word);
  }

  void add_halves(std::string_view word, std::size_t at) {
    words_.emplace_back(word.substr(0, at));
    words_.emplace_back(word.substr(at));
  }

  void cut_sign() {
    const char c = chunk_[at_];
    std::size_t end = at_ + 1;
    if (c == '?' || c == '!') {
      while (byte(end) == '?' || byte(end) == '!') ++end;
      if (end - at_ > 1) words_.emplace_back(chunk_.substr(at_, end - at_));
    } else if ((c == '#' || c == '@') && is_letter(byte(end))) {
      while (is_inner(byte(end))) ++end;
      words_.emplace_back(chunk_.substr(at_, end - at_));
    } else if (c == '<' && tag_end() > 0) {
      end = tag_end();
      words_.emplace_back(chunk_.substr(at_, end - at_));
    } else if (const std::size_t which = std::string_view{"()[]{}"}.find(c); which != std::string_view::npos) {
      constexpr std::array<std::string_view, 6> names{"-lrb-", "-rrb-", "-lsb-", "-rsb-", "-lcb-", "-rcb-"};
      words_.emplace_back(names[which]);
    } else if (std::string_view{"'\"`.,:;-"}.find(c) == std::string_view::npos) {
      words_.emplace_back(1, c);
    }
    at_ = end;
  }

  /// One past the end of a tag such as `</b>` that begins here, or 0.
  std::size_t tag_end() const {
    std::size_t end = at_ + 1;
    if (byte(end) == '/') ++end;
    if (!is_letter(byte(end))) return 0;
    while (is_inner(byte(end))) ++end;
    return byte(end) == '>' ? end + 1 : 0;
  }

  std::string_view chunk_;
  bool number_follows_;
  Words& words_;
  std::size_t at_ = 0;
};

/// Signs beyond ASCII, written as ASCII, or with spaces around them where they are words of their own.
struct Respelled {
  std::string_view from, to;
};
constexpr std::array<Respelled, 15> respelled{{{"\u00A0", " "},
                                               {"\u3000", " "},
                                               {"\u2018", "'"},
                                               {"\u2019", "'"},
                                               {"\u201C", "\""},
                                               {"\u201D", "\""},
                                               {"\u2013", " - "},
                                               {"\u2014", " - "},
                                               {"\u2026", " ... "},
                                               {"\u00A3", " # "},
                                               {"\u20AC", " $ "},
                                               {"\u00BD", " 1/2 "},
                                               {"\u00BC", " 1/4 "},
                                               {"\u00BE", " 3/4 "},
                                               {"\u00B0", " \u00B0 "}}};

}  // namespace

Words caption_words(std::string_view sentence) {
  std::string text = lower_case(sentence);
  replace_all(text, "&amp;", "&");
  if (std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; }))
    for (const Respelled& sign : respelled) replace_all(text, sign.from, sign.to);
  Words words;
  const Words chunks = split_at_spaces(text);
  for (std::size_t i = 0; i < chunks.size(); ++i)
    CaptionCutter{chunks[i], i + 1 < chunks.size() && is_digit(chunks[i + 1][0]), words}.cut();
  return words;
}

}  // namespace finetune
