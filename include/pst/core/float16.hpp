// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "pst/core/config.hpp"

namespace pst::PST_ABI {

namespace detail {

/// Rounds to the nearest float of the given layout, ties to even. Going from double in one step rounds only once.
template <int exponent_bits, int fraction_bits>
[[nodiscard]] PST_HD constexpr std::uint16_t narrow(double value) noexcept {
  constexpr int bias = (1 << (exponent_bits - 1)) - 1;
  constexpr std::uint64_t infinity = ((std::uint64_t{1} << exponent_bits) - 1) << fraction_bits;
  constexpr std::uint64_t quiet = std::uint64_t{1} << (fraction_bits - 1);

  const auto bits = __builtin_bit_cast(std::uint64_t, value);
  const std::uint64_t sign = bits >> 63 << (exponent_bits + fraction_bits);
  const std::uint64_t fraction = bits & ((std::uint64_t{1} << 52) - 1);
  const int exponent = static_cast<int>(bits >> 52 & 0x7FF) - 1023;

  std::uint64_t result = 0;
  if (exponent == 1024) {
    result = fraction == 0 ? infinity : infinity | quiet | fraction >> (52 - fraction_bits);
  } else if (exponent > bias) {
    result = infinity;
  } else if (exponent >= -bias - fraction_bits) {
    const bool normal = exponent >= 1 - bias;
    const int shift = 52 - fraction_bits + (normal ? 0 : 1 - bias - exponent);
    const std::uint64_t significand = fraction | std::uint64_t{1} << 52;
    const std::uint64_t odd = significand >> shift & 1;
    const std::uint64_t rounded = (significand + (std::uint64_t{1} << (shift - 1)) - 1 + odd) >> shift;
    // A significand that rounds up to the next power of two carries into the exponent, up to infinity.
    const auto below = static_cast<std::uint64_t>(normal ? exponent + bias - 1 : 0);
    result = (below << fraction_bits) + rounded;
  }
  return static_cast<std::uint16_t>(sign | result);
}

}  // namespace detail

/// The value of an IEEE binary16 pattern; exact.
[[nodiscard]] PST_HD constexpr float float_from_f16(std::uint16_t half) noexcept {
  const std::uint32_t sign = (half & 0x8000U) << 16, magnitude = half & 0x7FFFU;
  // 2^112 moves the exponent's bias from 15 to 127, and makes denormal numbers normal.
  const float finite = __builtin_bit_cast(float, magnitude << 13) * 0x1p112F;
  const std::uint32_t special = magnitude << 13 | 0x7F800000U;  // infinite or NaN
  return __builtin_bit_cast(float, sign | (magnitude < 0x7C00U ? __builtin_bit_cast(std::uint32_t, finite) : special));
}

/// The value of a bfloat16 pattern; exact.
[[nodiscard]] PST_HD constexpr float float_from_bf16(std::uint16_t brain) noexcept {
  return __builtin_bit_cast(float, std::uint32_t{brain} << 16);
}

/// The nearest binary16, ties to even; magnitudes from 65520 up become infinite, NaN stays NaN (made quiet).
[[nodiscard]] PST_HD constexpr std::uint16_t f16_from(double value) noexcept { return detail::narrow<5, 10>(value); }

/// The nearest bfloat16, ties to even; too large becomes infinite, NaN stays NaN (made quiet).
[[nodiscard]] PST_HD constexpr std::uint16_t bf16_from(double value) noexcept { return detail::narrow<8, 7>(value); }

/// A number of 16 bits, stored and widened alone: arithmetic is that of float. The same bytes as at::BFloat16,
/// ggml_bf16_t and __nv_bfloat16.
struct BFloat16 {
  std::uint16_t bits = 0;

  BFloat16() = default;
  PST_HD constexpr explicit BFloat16(double value) noexcept : bits{bf16_from(value)} {}
  PST_HD constexpr operator float() const noexcept { return float_from_bf16(bits); }
};
/// IEEE binary16, stored and widened alone. The same bytes as at::Half, ggml_fp16_t and __half.
struct Half {
  std::uint16_t bits = 0;

  Half() = default;
  PST_HD constexpr explicit Half(double value) noexcept : bits{f16_from(value)} {}
  PST_HD constexpr operator float() const noexcept { return float_from_f16(bits); }
};
[[nodiscard]] PST_HD constexpr bool is_finite(BFloat16 value) noexcept { return (value.bits & 0x7F80U) != 0x7F80U; }
[[nodiscard]] PST_HD constexpr bool is_finite(Half value) noexcept { return (value.bits & 0x7C00U) != 0x7C00U; }
static_assert(sizeof(BFloat16) == 2 && sizeof(Half) == 2);

static_assert(f16_from(65519.0) == 0x7BFF && f16_from(65520.0) == 0x7C00);
static_assert(bf16_from(1.00390625) == 0x3F80 && bf16_from(1.01171875) == 0x3F82);

}  // namespace pst::PST_ABI
