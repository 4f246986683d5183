// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>

#include "support/host_matrix.hpp"

namespace pst::test {

/// How far a result may be from the truth in double, relative to 1 + the largest number of the true matrix.
template <class Scalar>
struct tolerances;
template <>
struct tolerances<float> {
  static constexpr double value = 1e-5;  ///< measured: 2.2e-6, in a product over 600 terms
};
template <>
struct tolerances<double> {
  static constexpr double value = 2e-14;  ///< measured: 2.6e-15, in the same product
};

/// Where an optimizer is said to have arrived: above the rounding of float, far below the distance it starts from.
inline constexpr double quadratic_tolerance = 1e-4;

/// Means of `random_draws` draws are off by 5 standard errors once in two million times: the variance of what is
/// averaged, x^k with x in N(0, 1), is 1 for k = 1, 2 for 2, 15 for 3 and 96 for 4.
inline constexpr index_t random_draws = 200000;
[[nodiscard]] inline double moment_tolerance(double variance) {
  return 5 * std::sqrt(variance / static_cast<double>(random_draws));
}

/// Central differences in double err by the step's square times the third derivative / 6, and by 2^-53 |f| / step;
/// f is about 100 here. Measured: 4.6e-10.
inline constexpr double difference_step = 1e-5;
inline constexpr double difference_tolerance = 5e-9;
/// The derivative of `loss()` by `x`, which is put back.
template <class Loss>
[[nodiscard]] double central_difference(double& x, Loss&& loss) {
  const double kept = x;
  x = kept + difference_step;
  const double above = loss();
  x = kept - difference_step;
  const double below = loss();
  x = kept;
  return (above - below) / (2 * difference_step);
}

/// The largest difference of two matrices, relative to 1 + the largest number of `truth`; infinite for other shapes
/// and for NaN.
template <class T, class U>
[[nodiscard]] double distance(MatrixView<T> found, MatrixView<U> truth) {
  if (found.rows != truth.rows || found.cols != truth.cols) return std::numeric_limits<double>::infinity();
  double worst = 0, scale = 1;
  for (index_t r = 0; r < truth.rows; ++r)
    for (index_t c = 0; c < truth.cols; ++c) {
      const double difference = std::abs(static_cast<double>(found(r, c)) - static_cast<double>(truth(r, c)));
      if (!std::isfinite(difference)) return std::numeric_limits<double>::infinity();
      worst = std::max(worst, difference);
      scale = std::max(scale, 1 + std::abs(static_cast<double>(truth(r, c))));
    }
  return worst / scale;
}
template <class T, class U>
[[nodiscard]] double distance(const HostMatrix<T>& found, const HostMatrix<U>& truth) {
  return distance(found.view(), truth.view());
}

}  // namespace pst::test
