// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// What the tokenizers ask about characters; the answers come from ICU.
///
/// Text is UTF-8. Bytes that are not become U+FFFD, one for each longest piece that could still have become a
/// character: the text that Python gives for `bytes.decode("utf-8", errors="replace")`, and Rust for `from_utf8_lossy`.
namespace finetune::unicode {

/// The character at byte `at`, which then stands behind it; U+FFFD for bytes that are no character.
[[nodiscard]] char32_t next(std::string_view text, std::size_t& at) noexcept;
/// Writes `character` behind `text`.
void append(std::string& text, char32_t character);
/// `text` with U+FFFD for what is not UTF-8.
[[nodiscard]] std::string repaired(std::string_view text);
/// Whether every byte is below 128.
[[nodiscard]] bool is_ascii(std::string_view text) noexcept;
/// The canonical decomposition (NFD) of `text`, which must be UTF-8.
[[nodiscard]] std::string decomposed(std::string_view text);
/// Writes the lower case of one character behind `text`, whatever stands around it: a final sigma is a sigma.
void append_lower(std::string& text, char32_t character);

[[nodiscard]] bool is_white_space(char32_t character) noexcept;
[[nodiscard]] bool is_letter(char32_t character) noexcept;  ///< general category L
[[nodiscard]] bool is_number(char32_t character) noexcept;  ///< general category N
[[nodiscard]] bool is_word(char32_t character) noexcept;    ///< `\w` of regular expressions (UTS 18)

/// The four below take the categories of Unicode 8, as Hugging Face's `tokenizers` does: characters of a later version
/// count as unassigned. The text a model was trained on was cut that way.
[[nodiscard]] bool is_control(char32_t character) noexcept;      ///< Cc, Cf or Co; tab and line ends too
[[nodiscard]] bool is_punctuation(char32_t character) noexcept;  ///< P, and every ASCII sign
[[nodiscard]] bool is_accent(char32_t character) noexcept;       ///< Mn
/// The blocks of CJK ideographs that `tokenizers` sets apart. Its fifth block begins at U+2B920, not at U+2B820.
[[nodiscard]] bool is_ideograph(char32_t character) noexcept;

}  // namespace finetune::unicode
