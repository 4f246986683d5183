// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "pst/core/order_key.hpp"
#include "pst/core/view.hpp"

namespace pst::test {

/// A host matrix with a gap behind each row. The gap holds NaN: reading it spoils a result, writing it is found by
/// `gap_is_untouched`.
template <class T>
class HostMatrix {
 public:
  HostMatrix() = default;
  HostMatrix(index_t rows, index_t cols, index_t gap = 0)
      : memory_(static_cast<std::size_t>(rows * (cols + gap)), std::numeric_limits<T>::quiet_NaN()),
        rows_{rows},
        cols_{cols},
        gap_{gap} {
    for (index_t r = 0; r < rows; ++r)
      for (index_t c = 0; c < cols; ++c) (*this)(r, c) = T{0};
  }

  [[nodiscard]] MatrixView<T> view() { return {memory_.data(), rows_, cols_, cols_ + gap_}; }
  [[nodiscard]] MatrixView<const T> view() const { return {memory_.data(), rows_, cols_, cols_ + gap_}; }
  [[nodiscard]] T& operator()(index_t r, index_t c) {
    return memory_[static_cast<std::size_t>(r * (cols_ + gap_) + c)];
  }
  [[nodiscard]] const T& operator()(index_t r, index_t c) const {
    return memory_[static_cast<std::size_t>(r * (cols_ + gap_) + c)];
  }
  [[nodiscard]] index_t rows() const { return rows_; }
  [[nodiscard]] index_t cols() const { return cols_; }
  [[nodiscard]] bool gap_is_untouched() const {
    for (index_t r = 0; r < rows_; ++r)
      for (index_t c = cols_; c < cols_ + gap_; ++c)
        if (is_finite((*this)(r, c))) return false;
    return true;
  }
  void fill(T value) {
    for (index_t r = 0; r < rows_; ++r)
      for (index_t c = 0; c < cols_; ++c) (*this)(r, c) = value;
  }
  /// A copy in another element type, with a gap of its own.
  template <class U>
  [[nodiscard]] HostMatrix<U> as(index_t gap = 0) const {
    HostMatrix<U> out(rows_, cols_, gap);
    for (index_t r = 0; r < rows_; ++r)
      for (index_t c = 0; c < cols_; ++c) out(r, c) = static_cast<U>((*this)(r, c));
    return out;
  }

 private:
  std::vector<T> memory_;
  index_t rows_ = 0;
  index_t cols_ = 0;
  index_t gap_ = 0;
};

/// Numbers for tests, the same ones for the same seed.
class Draw {
 public:
  explicit Draw(std::uint64_t seed) : random_{seed} {}

  /// N(0, 1), rounded to float, so that float and double tests start from the same numbers.
  template <class T>
  [[nodiscard]] HostMatrix<T> normal(index_t rows, index_t cols, index_t gap = 0, double scale = 1.0) {
    return filled<T>(rows, cols, gap, [&] { return scale * std::normal_distribution<double>{}(random_); });
  }
  /// Multiples of 1/8 between -1 and 1: sums of their products are exact in float, in any order, and often equal.
  template <class T>
  [[nodiscard]] HostMatrix<T> grid(index_t rows, index_t cols, index_t gap = 0) {
    return filled<T>(rows, cols, gap, [&] { return std::uniform_int_distribution<int>{-8, 8}(random_) / 8.0; });
  }
  [[nodiscard]] index_t between(index_t low, index_t high) {
    return std::uniform_int_distribution<index_t>{low, high}(random_);
  }

 private:
  template <class T, class F>
  static HostMatrix<T> filled(index_t rows, index_t cols, index_t gap, F&& draw) {
    HostMatrix<T> out(rows, cols, gap);
    for (index_t r = 0; r < rows; ++r)
      for (index_t c = 0; c < cols; ++c) out(r, c) = static_cast<T>(static_cast<float>(draw()));
    return out;
  }
  std::mt19937_64 random_;
};

/// Whether two numbers have the same bits.
template <class T>
[[nodiscard]] bool same_bits(T a, T b) {
  return std::bit_cast<OrderKey<T>>(a) == std::bit_cast<OrderKey<T>>(b);
}
template <class T>
[[nodiscard]] bool same_bits(const HostMatrix<T>& a, const HostMatrix<T>& b) {
  bool same = a.rows() == b.rows() && a.cols() == b.cols();
  for (index_t r = 0; same && r < a.rows(); ++r)
    for (index_t c = 0; same && c < a.cols(); ++c) same = same_bits(a(r, c), b(r, c));
  return same;
}

}  // namespace pst::test
