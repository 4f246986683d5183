// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "pst/core/config.hpp"
#include "pst/core/float16.hpp"

namespace pst::PST_ABI {

/// The unsigned integer as wide as `Scalar`.
template <std::floating_point Scalar>
using OrderKey = std::conditional_t<sizeof(Scalar) == 4, std::uint32_t, std::uint64_t>;

/// The bits of a number in an order that integers share: a < b exactly when order_key(a) < order_key(b).
/// -0 counts as +0. NaN has no place in the order and must be refused before.
template <std::floating_point Scalar>
[[nodiscard]] PST_HD inline OrderKey<Scalar> order_key(Scalar value) noexcept {
  using Key = OrderKey<Scalar>;
  constexpr Key sign = Key{1} << (8 * sizeof(Key) - 1);
  value += Scalar{0};  // -0 + 0 = +0
  Key bits;
  std::memcpy(&bits, &value, sizeof bits);
  return (bits & sign) != 0 ? static_cast<Key>(~bits) : static_cast<Key>(bits | sign);
}

/// The number that has a key: order_key(number_with_key(key)) == key for the keys of all numbers but NaN.
template <std::floating_point Scalar>
[[nodiscard]] PST_HD inline Scalar number_with_key(OrderKey<Scalar> key) noexcept {
  using Key = OrderKey<Scalar>;
  constexpr Key sign = Key{1} << (8 * sizeof(Key) - 1);
  const Key bits = (key & sign) != 0 ? static_cast<Key>(key ^ sign) : static_cast<Key>(~key);
  Scalar value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

/// Whether a number is neither NaN nor infinite, by its bits: holds under -ffast-math as well.
template <std::floating_point Scalar>
[[nodiscard]] PST_HD inline bool is_finite(Scalar value) noexcept {
  using Key = OrderKey<Scalar>;
  constexpr int mantissa_bits = sizeof(Key) == 4 ? 23 : 52;
  constexpr Key exponent = (~Key{0} >> (mantissa_bits + 1)) << mantissa_bits;
  Key bits;
  std::memcpy(&bits, &value, sizeof bits);
  return (bits & exponent) != exponent;
}

}  // namespace pst::PST_ABI
