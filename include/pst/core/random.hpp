// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <string_view>

#include "pst/core/config.hpp"

namespace pst::PST_ABI {

/// Scrambles 64 bits (the finalizer of SplitMix64): neighbouring inputs give unrelated outputs.
[[nodiscard]] PST_HD constexpr std::uint64_t mix_bits(std::uint64_t z) noexcept {
  z += 0x9e3779b97f4a7c15U;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

/// A seed of its own for each part of a layer.
[[nodiscard]] PST_HD constexpr std::uint64_t derive_seed(std::uint64_t seed, char purpose) noexcept {
  return mix_bits(mix_bits(seed) ^ static_cast<unsigned char>(purpose));
}

/// A seed of its own for each name: layers that share a seed still draw different numbers.
[[nodiscard]] constexpr std::uint64_t derive_seed(std::uint64_t seed, std::string_view name) noexcept {
  std::uint64_t hash = seed;
  for (char c : name) hash = mix_bits(hash ^ static_cast<unsigned char>(c));
  return hash;
}

/// Draws from N(0, 1) by position: element `i` is the same number on every backend and thread (Box-Muller in double).
struct NormalAt {
  std::uint64_t seed = 0;

  [[nodiscard]] PST_HD double operator()(index_t i) const {
    const std::uint64_t bits = mix_bits(seed ^ mix_bits(static_cast<std::uint64_t>(i)));
    const double radius = (static_cast<double>(bits >> 32) + 0.5) * 0x1p-32;
    const double angle = static_cast<double>(bits & 0xffffffffU) * 0x1p-32;
    return std::sqrt(-2.0 * std::log(radius)) * std::cos(6.283185307179586 * angle);
  }
};

/// The same draws as a matrix, row by row.
struct NormalMatrix {
  NormalAt normal;
  index_t cols = 1;

  [[nodiscard]] PST_HD double operator()(index_t r, index_t c) const { return normal(r * cols + c); }
};

/// The same draws, from N(0, deviation^2).
struct ScaledNormal {
  NormalMatrix normal;
  double deviation = 1.0;

  [[nodiscard]] PST_HD double operator()(index_t r, index_t c) const { return deviation * normal(r, c); }
};

/// Draws evenly from -bound to bound by position in a matrix of `cols` columns.
struct UniformMatrix {
  std::uint64_t seed = 0;
  index_t cols = 1;
  double bound = 1.0;

  [[nodiscard]] PST_HD double operator()(index_t r, index_t c) const {
    const std::uint64_t bits = mix_bits(seed ^ mix_bits(static_cast<std::uint64_t>(r * cols + c)));
    return bound * (2.0 * ((static_cast<double>(bits >> 11) + 0.5) * 0x1p-53) - 1.0);
  }
};

}  // namespace pst::PST_ABI
