// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/pst.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

/// How far a computed tensor is from a golden one.
namespace golden {

/// What is still called equal. The goldens were computed in double and stored as float.
template <class Scalar>
struct Tolerance;
/// Sums of up to 256 products of float: rounding grows with the root of their number, times cancellation.
template <>
struct Tolerance<float> {
  static constexpr double layer = 1e-5;
  static constexpr double training = 1e-5;
  static constexpr double rounding = 1e-5;  // two scores this close may change places
};
/// Beyond the rounding of the golden itself (see `distance`). The target of a training golden is stored as float as
/// well, so the run starts from numbers that differ by 6e-8 from those of PyTorch: no closer agreement can be seen.
template <>
struct Tolerance<double> {
  static constexpr double layer = 1e-10;
  static constexpr double training = 3e-7;
  static constexpr double rounding = 1e-12;
};

/// How far `value` is from the numbers that are stored as `stored`: zero if it rounds to it.
inline double distance(double value, float stored) {
  const double up = std::nextafter(stored, std::numeric_limits<float>::infinity());
  const double down = std::nextafter(stored, -std::numeric_limits<float>::infinity());
  const double middle = stored;
  const double low = (middle + down) / 2, high = (middle + up) / 2;
  return value < low ? low - value : value > high ? value - high : 0.0;
}
inline double distance(double value, double stored) { return std::abs(value - stored); }

/// The largest distance of an element, relative to the largest element of the golden tensor.
template <class Scalar, class Stored>
double relative_error(std::span<const Scalar> computed, std::span<const Stored> stored) {
  double worst = 0, largest = 0;
  for (std::size_t i = 0; i < stored.size(); ++i) {
    const bool comparable = std::isfinite(computed[i]) && std::isfinite(stored[i]);
    worst = comparable ? std::max(worst, distance(static_cast<double>(computed[i]), stored[i])) : HUGE_VAL;
    largest = std::max(largest, std::abs(static_cast<double>(stored[i])));
  }
  return largest > 0 ? worst / largest : worst;
}

/// The elements of a view, one row behind the other.
template <class T>
std::vector<std::remove_const_t<T>> flat(pst::MatrixView<T> view) {
  std::vector<std::remove_const_t<T>> out;
  for (pst::index_t r = 0; r < view.rows; ++r) out.insert(out.end(), view.row(r), view.row(r) + view.cols);
  return out;
}

/// The largest relative errors of one run, tensor by tensor.
struct Outcome {
  std::vector<std::pair<std::string, double>> errors;
  pst::index_t mask_differs = 0;  ///< entries of the mask
  double widest_swap = 0;         ///< the largest distance from the threshold of a score whose mask bit differs
  double tolerance = 0;
  double rounding = 0;

  [[nodiscard]] bool passed() const {
    return widest_swap <= rounding &&
           std::ranges::all_of(errors, [this](const auto& one) { return one.second <= tolerance; });
  }
};

}  // namespace golden
