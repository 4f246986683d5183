// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <string>

#include "transformer/matrix.hpp"

namespace transformer::test {

using Mat = Matrix<double>;

/// Central differences in double with step h err by h^2 |f'''| / 6 + 2^-53 |f| / h. With h = 1e-5 and |f| of about
/// 10 that is about 1e-10. The largest error measured in this folder is 5.1e-10, in the whole encoder.
inline constexpr double step = 1e-5;
inline constexpr double tolerance = 1e-8;

[[nodiscard]] inline Mat normal(index_t rows, index_t cols, std::uint64_t seed, double deviation = 1.0) {
  std::mt19937_64 random{seed};
  Mat made(rows, cols);
  fill_normal(made, deviation, random);
  return made;
}

/// Compares `grad` with the central differences of `loss` in every element of `value`.
inline void check_gradient(const std::string& name, pst::MatrixView<double> value, pst::MatrixView<const double> grad,
                           const std::function<double()>& loss) {
  INFO(name);
  REQUIRE(value.rows == grad.rows);
  REQUIRE(value.cols == grad.cols);
  double worst = 0.0;
  for (index_t r = 0; r < value.rows; ++r)
    for (index_t c = 0; c < value.cols; ++c) {
      const double kept = value(r, c);
      value(r, c) = kept + step;
      const double above = loss();
      value(r, c) = kept - step;
      const double below = loss();
      value(r, c) = kept;
      const double expected = (above - below) / (2 * step);
      worst = std::max(worst, std::abs(expected - grad(r, c)) / (1.0 + std::abs(expected)));
    }
  CHECK(worst < tolerance);
}

}  // namespace transformer::test
