// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace finetune::fuzz {

[[nodiscard]] inline std::string_view text_of(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

/// `data` cut at bytes 0xFF, which no file that is UTF-8 has; the last of the parts may hold more of them.
template <std::size_t Count>
[[nodiscard]] std::array<std::string_view, Count> parts_of(std::string_view data) {
  std::array<std::string_view, Count> parts;
  for (std::size_t i = 0; i < Count; ++i) {
    const std::size_t end = i + 1 == Count ? data.size() : std::min(data.find('\xFF'), data.size());
    parts[i] = data.substr(0, end);
    data.remove_prefix(std::min(end + 1, data.size()));
  }
  return parts;
}

}  // namespace finetune::fuzz
