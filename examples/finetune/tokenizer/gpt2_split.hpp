// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

namespace finetune {

/// The bytes of the first word of `text`, which must be UTF-8 and not empty. Words are the matches of GPT-2's
/// expression
/// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`, so a blank goes with what follows it.
[[nodiscard]] std::size_t first_gpt2_word(std::string_view text) noexcept;

}  // namespace finetune
