// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

#include "pst/core/config.hpp"

namespace pst::PST_ABI::io {

/// Every element type of the safetensors format, in the order by which its writers sort tensors.
/// pst computes with the plain integers and floats; the others are kept as bytes.
/// @ingroup io
enum class ElementType : std::uint8_t {
  boolean,
  f4,
  f6_e2m3,
  f6_e3m2,
  u8,
  i8,
  f8_e5m2,
  f8_e4m3,
  f8_e8m0,
  f8_e4m3fnuz,
  f8_e5m2fnuz,
  i16,
  u16,
  f16,
  bf16,
  i32,
  u32,
  f32,
  c64,
  f64,
  i64,
  u64
};

namespace detail {

struct ElementTypeFacts {
  std::string_view name;
  unsigned bits;
};

inline constexpr std::array<ElementTypeFacts, 22> element_types{
    {{"BOOL", 8},    {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6},     {"U8", 8},          {"I8", 8},
     {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"I16", 16},
     {"U16", 16},    {"F16", 16},    {"BF16", 16},   {"I32", 32},        {"U32", 32},        {"F32", 32},
     {"C64", 64},    {"F64", 64},    {"I64", 64},    {"U64", 64}}};

}  // namespace detail

/// The name of a type in a file, such as `BF16`.
/// @ingroup io
[[nodiscard]] constexpr std::string_view name_of(ElementType type) noexcept {
  return detail::element_types[static_cast<std::size_t>(type)].name;
}

/// Bits of one element; 4 and 6 exist.
/// @ingroup io
[[nodiscard]] constexpr unsigned bits_of(ElementType type) noexcept {
  return detail::element_types[static_cast<std::size_t>(type)].bits;
}

/// The type that a file calls `name`, if the format has it.
/// @ingroup io
[[nodiscard]] constexpr std::optional<ElementType> element_type_called(std::string_view name) noexcept {
  for (std::size_t i = 0; i < detail::element_types.size(); ++i)
    if (detail::element_types[i].name == name) return static_cast<ElementType>(i);
  return std::nullopt;
}
static_assert(name_of(ElementType::u64) == "U64" && element_type_called("F4") == ElementType::f4);

/// A C++ type whose values a file can hold: float, double, or an integer that is neither bool nor a character.
/// @ingroup io
template <class T>
concept ReadableNumber = std::same_as<T, float> || std::same_as<T, double> ||
    (std::integral<T> && !std::same_as<T, bool> &&
     (std::same_as<T, std::make_signed_t<T>> || std::same_as<T, std::make_unsigned_t<T>>));

/// The element type whose bytes are those of `T`.
/// @ingroup io
template <ReadableNumber T>
[[nodiscard]] constexpr ElementType element_type_of() noexcept {
  if constexpr (std::same_as<T, float>) return ElementType::f32;
  if constexpr (std::same_as<T, double>) return ElementType::f64;
  switch (sizeof(T)) {
    case 1: return std::signed_integral<T> ? ElementType::i8 : ElementType::u8;
    case 2: return std::signed_integral<T> ? ElementType::i16 : ElementType::u16;
    case 4: return std::signed_integral<T> ? ElementType::i32 : ElementType::u32;
    default: return std::signed_integral<T> ? ElementType::i64 : ElementType::u64;
  }
}

}  // namespace pst::PST_ABI::io
