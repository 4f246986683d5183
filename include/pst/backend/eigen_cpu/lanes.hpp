// SPDX-License-Identifier: Apache-2.0
#pragma once

// Tokens as lanes: `tokens` numbers of one feature side by side, so that a kept weight meets all of them in one or a
// few registers. Work: one load and one store for each number, in squares that are transposed in registers, one after
// the other along the tokens' rows: rows whose distance is a multiple of 4 KB share the sets of the L1 cache, and no
// more than a square's may be in use at once. Bound by shuffles, about one for each four numbers.

#include <Eigen/Core>
#include <algorithm>

#include "pst/backend/eigen_cpu/vector.hpp"
#include "pst/core/view.hpp"

namespace pst::PST_ABI::PST_ISA::eigen_cpu {

/// Tokens of a full block: the lanes of one feature are 256 bytes, enough sums to hide the latency of an addition.
template <class T>
inline constexpr int block_tokens = 256 / int{sizeof(T)};

/// to[c][r] = from[r][c] for a square of a register, or of fewer tokens.
template <int side, class T>
void transpose(const T* from, index_t from_stride, T* to, index_t to_stride) {
  if constexpr (side == Register<T>::lanes) {
    transpose_square(from, from_stride, to, to_stride);
  } else {
    using Square = Eigen::Matrix<T, side, side, Eigen::RowMajor>;
    using Stride = Eigen::OuterStride<>;
    Eigen::Map<Square, 0, Stride>(to, Stride(to_stride)) =
        Square(Eigen::Map<const Square, 0, Stride>(from, Stride(from_stride))).transpose();
  }
}
/// The side of the squares for blocks of `tokens`.
template <int tokens, class T>
inline constexpr int square_side = std::min(tokens, Register<T>::lanes);

/// lanes[f][t] = x(t, f): `x` has at most `tokens` rows, the others become zero.
template <int tokens, class T>
void to_lanes(MatrixView<const T> x, T* lanes) {
  constexpr int side = square_side<tokens, T>;
  if (x.rows < tokens) std::fill_n(lanes, x.cols * tokens, T{0});
  const index_t full_rows = x.rows / side * side, full_cols = x.cols / side * side;
  for (index_t t = 0; t < full_rows; t += side)
    for (index_t f = 0; f < full_cols; f += side)
      transpose<side>(x.row(t) + f, x.row_stride, lanes + f * tokens + t, tokens);
  for (index_t t = 0; t < x.rows; ++t)
    for (index_t f = t < full_rows ? full_cols : 0; f < x.cols; ++f) lanes[f * tokens + t] = x(t, f);
}

/// y(t, f) = lanes[f][t]
template <int tokens, class T>
void from_lanes(const T* lanes, MatrixView<T> y) {
  constexpr int side = square_side<tokens, T>;
  const index_t full_rows = y.rows / side * side, full_cols = y.cols / side * side;
  for (index_t t = 0; t < full_rows; t += side)
    for (index_t f = 0; f < full_cols; f += side)
      transpose<side>(lanes + f * tokens + t, tokens, y.row(t) + f, y.row_stride);
  for (index_t t = 0; t < y.rows; ++t)
    for (index_t f = t < full_rows ? full_cols : 0; f < y.cols; ++f) y(t, f) = lanes[f * tokens + t];
}

}  // namespace pst::PST_ABI::PST_ISA::eigen_cpu
