// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

/// GPT-2's way of writing any bytes as visible characters: a byte that is a visible character of Latin-1 stands for
/// itself, the other 68 are U+0100 and up in their order, so a blank is U+0120.
namespace finetune::byte_symbols {

/// The character for `byte`.
[[nodiscard]] char32_t of(unsigned char byte) noexcept;
/// The bytes that `token` stands for; a token with another character in it stands for itself.
[[nodiscard]] std::string bytes_of(std::string_view token);

}  // namespace finetune::byte_symbols
