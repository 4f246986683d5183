// SPDX-License-Identifier: Apache-2.0
#include "byte_symbols.hpp"

#include "unicode.hpp"

#include <array>
#include <cstddef>

namespace finetune::byte_symbols {
namespace {

constexpr bool is_visible(unsigned byte) noexcept {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

constexpr char32_t first_stand_in = 0x100;
constexpr char32_t end_of_symbols = first_stand_in + 68;

constexpr auto symbols = [] {
  std::array<char32_t, 256> table{};
  char32_t stand_in = first_stand_in;
  for (unsigned byte = 0; byte < 256; ++byte) table[byte] = is_visible(byte) ? char32_t{byte} : stand_in++;
  return table;
}();
static_assert(symbols[' '] == 0x120 && symbols[255] == 255 && symbols[0xAD] == end_of_symbols - 1);

constexpr auto bytes = [] {
  std::array<int, end_of_symbols> table{};
  table.fill(-1);
  for (unsigned byte = 0; byte < 256; ++byte) table[symbols[byte]] = static_cast<int>(byte);
  return table;
}();

}  // namespace

char32_t of(unsigned char byte) noexcept { return symbols[byte]; }

std::string bytes_of(std::string_view token) {
  std::string result;
  for (std::size_t at = 0; at < token.size();) {
    const char32_t character = unicode::next(token, at);
    if (character >= end_of_symbols || bytes[character] < 0) return std::string{token};
    result.push_back(static_cast<char>(bytes[character]));
  }
  return result;
}

}  // namespace finetune::byte_symbols
