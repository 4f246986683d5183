// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>

#include "pst/core/config.hpp"
#include "pst/core/random.hpp"

namespace pst::PST_ABI {

/// The hard concrete gate (Louizos et al. 2018) at temperature 1: a number from 0 to 1 that is often exactly 0 or 1,
/// whose logit alpha learns. With u drawn evenly from (0, 1)
///
///     v = sigmoid(log u - log(1 - u) + alpha)        z = clip(v (R - Q) + Q, 0, 1)
struct HardConcrete {
  static constexpr double low = -1.5, high = 1.5;  ///< Q and R
  static constexpr double margin = 1e-4;           ///< u lies between this and 1 - this

  /// v; with u = 1/2 it is sigmoid(alpha). One exponential, for exp(log u - log(1 - u)) is u / (1 - u).
  [[nodiscard]] static PST_HD double openness(double alpha, double u) { return u / (u + std::exp(-alpha) * (1.0 - u)); }
  /// z
  [[nodiscard]] static PST_HD double gate(double v) {
    const double z = v * (high - low) + low;
    return z < 0 ? 0.0 : z > 1 ? 1.0 : z;
  }
  /// dz / dalpha: 0 where z is clipped.
  [[nodiscard]] static PST_HD double slope(double v) {
    const double z = v * (high - low) + low;
    return z > 0 && z < 1 ? (high - low) * v * (1.0 - v) : 0.0;
  }
  /// z where nothing is drawn: that of u = 1/2.
  [[nodiscard]] static PST_HD double resting_gate(double alpha) { return gate(openness(alpha, 0.5)); }
  /// The derivative of sigmoid(alpha - log(-Q / R)), which is the chance of a gate that is not 0.
  [[nodiscard]] static PST_HD double chance_slope(double alpha) {
    const double chance = openness(alpha - std::log(-low / high), 0.5);
    return chance * (1.0 - chance);
  }
};

/// The v of gates by their place in a matrix of `cols` columns: the same number for every cut of it. Every seed draws
/// others; without one, u is 1/2 everywhere.
template <class View>
struct OpennessAt {
  View alpha;  ///< of the part of the matrix whose first element is at (row, col)
  index_t row = 0, col = 0;
  UniformMatrix drawn{};  ///< u - 1/2 of the whole matrix

  [[nodiscard]] PST_HD double operator()(index_t r, index_t c) const {
    return HardConcrete::openness(double{alpha(r, c)}, 0.5 + drawn(row + r, col + c));
  }
};

namespace terms {

/// by * z
template <class View>
struct Gated {
  View by;
  OpennessAt<View> at;
  [[nodiscard]] PST_HD double operator()(index_t r, index_t c) const {
    return HardConcrete::gate(at(r, c)) * double{by(r, c)};
  }
};

/// first * second * dz / dalpha
template <class View>
struct GateSlope {
  View first, second;
  OpennessAt<View> at;
  [[nodiscard]] PST_HD double operator()(index_t r, index_t c) const {
    return HardConcrete::slope(at(r, c)) * double{first(r, c)} * double{second(r, c)};
  }
};

}  // namespace terms

}  // namespace pst::PST_ABI
