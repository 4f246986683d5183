// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/core/random.hpp>

#include <cstdint>

#include "transformer/matrix.hpp"

namespace transformer {

/// Drops numbers at random and divides the rest by the share that stays (Srivastava et al., 2014).
///
/// What is dropped follows from the seed and the place alone: backward and a run that is resumed drop the same, and
/// nothing has to be stored. The seed 0 drops nothing.
struct Dropout {
  double probability = 0.0;
  std::uint64_t seed = 0;

  [[nodiscard]] bool active() const noexcept { return probability > 0.0 && seed != 0; }

  /// x = x .* kept / (1 - probability); the gradient passes in the same way.
  template <class Block>
  void apply(Block&& x) const {
    using Scalar = typename std::remove_reference_t<Block>::Scalar;
    if (!active()) return;
    const auto limit = static_cast<std::uint64_t>(probability * 0x1p32);
    const auto scale = static_cast<Scalar>(1.0 / (1.0 - probability));
    std::uint64_t place = pst::mix_bits(seed);
    for (index_t row = 0; row < x.rows(); ++row)
      for (index_t col = 0; col < x.cols(); ++col)
        x(row, col) *= (pst::mix_bits(place++) >> 32U) < limit ? Scalar{0} : scale;
  }
  /// The same probability with a seed of its own for part `number` of what is dropped.
  [[nodiscard]] Dropout part(std::uint64_t number) const noexcept {
    return {probability, seed == 0 ? 0 : pst::mix_bits(seed ^ pst::mix_bits(number)) | 1U};
  }
};

}  // namespace transformer
