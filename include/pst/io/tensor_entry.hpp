// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pst/core/checked_size.hpp"
#include "pst/core/config.hpp"
#include "pst/core/error.hpp"
#include "pst/io/element_type.hpp"

namespace pst::PST_ABI::io {

/// A named tensor in a file, or one to be written: row-major, little-endian, its bytes owned by somebody else.
/// The bytes of a tensor that was read live as long as the file object; they need not be aligned.
/// @ingroup io
struct TensorEntry {
  std::string name;
  ElementType type = ElementType::f32;
  std::vector<index_t> shape;
  std::span<const std::byte> bytes;
};

/// The free text of a file, such as `{"format", "pt"}`.
/// @ingroup io
using Metadata = std::map<std::string, std::string>;

/// Text from a file made fit for an error message: short, and without control characters.
[[nodiscard]] inline std::string printable(std::string_view text) {
  constexpr std::size_t longest = 100;
  std::string shown{text.substr(0, longest)};
  for (char& c : shown)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  return text.size() > longest ? shown + "..." : shown;
}

/// How messages name a tensor of a source.
[[nodiscard]] inline std::string tensor_in(std::string_view source, std::string_view name) {
  return std::string{source} + ": tensor \"" + printable(name) + '"';
}

/// The bytes of a file as characters.
[[nodiscard]] inline std::string_view chars_of(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A shape as messages show it: "[768,768]".
[[nodiscard]] inline std::string text_of(std::span<const index_t> shape) {
  std::string text = "[";
  for (const index_t side : shape.first(shape.size() < 8 ? shape.size() : 8)) {
    if (text.size() > 1) text += ',';
    text += std::to_string(side);
  }
  return text + (shape.size() > 8 ? ",...]" : "]");
}

/// The bytes that a tensor of this type and shape takes; `what` names the tensor in the error.
[[nodiscard]] inline std::size_t stored_bytes(ElementType type, std::span<const index_t> shape, std::string_view what) {
  const auto times = [&](index_t a, index_t b) {
    const auto product = checked_product(a, b);
    if (!product) fail(what, " has shape ", text_of(shape), " of ", name_of(type), ", which overflows");
    return *product;
  };
  index_t count = 1;
  for (const index_t side : shape) {
    if (side < 0) fail(what, " has shape ", text_of(shape), ", but no dimension may be negative");
    count = times(count, side);
  }
  const index_t bits = times(count, index_t{bits_of(type)});
  if (bits % 8 != 0) {
    fail(what, " has shape ", text_of(shape), " of ", name_of(type), ", which is ", bits,
         " bits, but a tensor must end on a byte boundary");
  }
  return static_cast<std::size_t>(bits / 8);
}

}  // namespace pst::PST_ABI::io
