// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "pst/core/error.hpp"
#include "pst/core/float16.hpp"
#include "pst/io/element_type.hpp"
#include "pst/io/tensor_entry.hpp"

namespace pst::PST_ABI::io {

static_assert(std::endian::native == std::endian::little, "safetensors bytes are little-endian, and so is pst::io");

namespace detail {

template <class From, class To, class Convert>
[[nodiscard]] std::vector<To> gather(std::span<const std::byte> bytes, Convert convert) {
  std::vector<To> out(bytes.size() / sizeof(From));
  for (std::size_t i = 0; i < out.size(); ++i) {
    From stored;
    std::memcpy(&stored, bytes.data() + i * sizeof(From), sizeof(From));
    out[i] = convert(stored);
  }
  return out;
}

template <std::floating_point T>
[[nodiscard]] std::vector<T> read_floats(const TensorEntry& entry, std::string_view what) {
  const auto cast = [](auto value) { return static_cast<T>(value); };
  switch (entry.type) {
    case ElementType::f16:
      return gather<std::uint16_t, T>(entry.bytes, [](std::uint16_t bits) { return T{float_from_f16(bits)}; });
    case ElementType::bf16:
      return gather<std::uint16_t, T>(entry.bytes, [](std::uint16_t bits) { return T{float_from_bf16(bits)}; });
    case ElementType::f32: return gather<float, T>(entry.bytes, cast);
    case ElementType::f64: return gather<double, T>(entry.bytes, cast);
    default: fail(what, " holds ", name_of(entry.type), ", but F16, BF16, F32 or F64 was asked for");
  }
}

template <std::integral T>
[[nodiscard]] std::vector<T> read_integers(const TensorEntry& entry, std::string_view what) {
  const auto checked = [&](auto value) {
    if (!std::in_range<T>(value)) {
      fail(what, " holds ", +value, ", which does not fit in ", name_of(element_type_of<T>()));
    }
    return static_cast<T>(value);
  };
  switch (entry.type) {
    case ElementType::boolean:
    case ElementType::u8: return gather<std::uint8_t, T>(entry.bytes, checked);
    case ElementType::i8: return gather<std::int8_t, T>(entry.bytes, checked);
    case ElementType::u16: return gather<std::uint16_t, T>(entry.bytes, checked);
    case ElementType::i16: return gather<std::int16_t, T>(entry.bytes, checked);
    case ElementType::u32: return gather<std::uint32_t, T>(entry.bytes, checked);
    case ElementType::i32: return gather<std::int32_t, T>(entry.bytes, checked);
    case ElementType::u64: return gather<std::uint64_t, T>(entry.bytes, checked);
    case ElementType::i64: return gather<std::int64_t, T>(entry.bytes, checked);
    default: fail(what, " holds ", name_of(entry.type), ", but integers were asked for");
  }
}

}  // namespace detail

/// The elements of `entry` as `T`; `what` names the tensor in the error.
///
/// Floats convert among each other, rounding to nearest; integers convert when every value fits; BOOL reads as 0 or 1.
/// Floats never become integers, nor integers floats.
/// @ingroup io
template <ReadableNumber T>
[[nodiscard]] std::vector<T> read_elements(const TensorEntry& entry, std::string_view what) {
  if constexpr (std::floating_point<T>) {
    return detail::read_floats<T>(entry, what);
  } else {
    return detail::read_integers<T>(entry, what);
  }
}

/// The elements of `entry` where they lie, if they are of type `T` and aligned for it.
/// @ingroup io
template <ReadableNumber T>
[[nodiscard]] std::optional<std::span<const T>> view_elements(const TensorEntry& entry) noexcept {
  if (entry.type != element_type_of<T>()) return std::nullopt;
  if (std::bit_cast<std::uintptr_t>(entry.bytes.data()) % alignof(T) != 0) return std::nullopt;
  return std::span{reinterpret_cast<const T*>(entry.bytes.data()), entry.bytes.size() / sizeof(T)};
}

/// The bytes of `values` stored as F16, BF16, F32 or F64; rounds to nearest, ties to even.
/// @ingroup io
template <std::floating_point T>
[[nodiscard]] std::vector<std::byte> store_floats(std::span<const T> values, ElementType type) {
  std::vector<std::byte> bytes(values.size() * bits_of(type) / 8);
  const auto scatter = [&](auto convert) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto stored = convert(values[i]);
      std::memcpy(bytes.data() + i * sizeof(stored), &stored, sizeof(stored));
    }
  };
  switch (type) {
    case ElementType::f16: scatter([](T value) { return f16_from(value); }); break;
    case ElementType::bf16: scatter([](T value) { return bf16_from(value); }); break;
    case ElementType::f32: scatter([](T value) { return static_cast<float>(value); }); break;
    case ElementType::f64: scatter([](T value) { return static_cast<double>(value); }); break;
    default: fail("floats can be stored as F16, BF16, F32 or F64, not as ", name_of(type));
  }
  return bytes;
}

}  // namespace pst::PST_ABI::io
