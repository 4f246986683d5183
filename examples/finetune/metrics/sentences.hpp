// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace finetune {

/// Of ASCII alone.
[[nodiscard]] constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// A sentence that a model wrote, and those that people wrote for the same meaning.
struct Generated {
  std::string text;
  std::vector<std::string> references;
};

/// The words of a sentence; no word is empty or holds a space.
using Words = std::vector<std::string>;

/// Generated, cut into words.
struct GeneratedWords {
  Words text;
  std::vector<Words> references;
};

/// Refuses an empty corpus, and a sentence without a reference; `metric` is named in the error.
void check_references(const char* metric, std::span<const GeneratedWords> sentences);

/// Every sentence cut into words by `cut`; refuses a sentence without a reference, and one of more than 10 000 words.
[[nodiscard]] std::vector<GeneratedWords> in_words(std::span<const Generated> sentences,
                                                   Words (*cut)(std::string_view));

/// `text` cut at ASCII's white space.
[[nodiscard]] Words split_at_spaces(std::string_view text);

/// Replaces every `from`, which is not empty, by `to`, from left to right.
void replace_all(std::string& text, std::string_view from, std::string_view to);

/// `text` in lower case as Unicode has it; bytes that are no UTF-8 become U+FFFD.
[[nodiscard]] std::string lower_case(std::string_view text);

/// Words as the scorers of machine translation cut them (mteval-v13a without its international option), in lower case:
/// symbols and punctuation stand alone, except apostrophes, hyphens not behind a digit, and points and commas between
/// digits.
[[nodiscard]] Words mteval_words(std::string_view text);

/// Words as the scorers of image captions cut them (Penn Treebank's way, punctuation dropped), in lower case.
///
/// Rewritten from the behaviour of Stanford's PTBTokenizer 3.4.1 for the sentences of the tasks at hand, not all of its
/// rules: all sentences of E2E's dev and test parts and 99 of 100 of WebNLG's dev part come out equal. Where a word
/// comes out differently it does so in references and generated text alike. Its surprises are kept: brackets stay, as
/// `-lrb-`, and a pound sign is `#`.
[[nodiscard]] Words caption_words(std::string_view text);

}  // namespace finetune
