// SPDX-License-Identifier: Apache-2.0
#pragma once

// Products of a block of tokens with the compressed weight. Tokens are transposed to lanes (`tokens` numbers of one
// feature side by side), so that each kept weight meets all of them in one or a few registers.
// Work: 2 flops and one load (forward) or one load and one store (backward) of a lane per kept weight and token.
// Bound by loads from L1 and L2: (in + out) lanes of 256 bytes are the working set.

#include <Eigen/Core>
#include <algorithm>
#include <cstdint>

#include "pst/core/compressed.hpp"
#include "pst/core/view.hpp"

namespace pst::eigen_cpu {

/// Tokens of a full block: 256 bytes of one feature.
template <class T>
inline constexpr int block_tokens = 256 / int{sizeof(T)};

/// lanes[f][t] = x(t, f): `x` has at most `tokens` rows, the others become zero.
template <int tokens, class T>
void to_lanes(MatrixView<const T> x, T* lanes) {
  constexpr index_t side = 8;
  using Square = Eigen::Matrix<T, side, side, Eigen::RowMajor>;
  using Stride = Eigen::OuterStride<>;
  if (x.rows < tokens) std::fill_n(lanes, x.cols * tokens, T{0});
  const index_t full_rows = x.rows / side * side, full_cols = x.cols / side * side;
  for (index_t f = 0; f < full_cols; f += side)
    for (index_t t = 0; t < full_rows; t += side)
      Eigen::Map<Square, 0, Stride>(lanes + f * tokens + t, Stride(tokens)) =
          Square(Eigen::Map<const Square, 0, Stride>(x.row(t) + f, Stride(x.row_stride))).transpose();
  for (index_t t = 0; t < x.rows; ++t)
    for (index_t f = t < full_rows ? full_cols : 0; f < x.cols; ++f) lanes[f * tokens + t] = x(t, f);
}

/// y(t, f) = lanes[f][t]
template <int tokens, class T>
void from_lanes(const T* lanes, MatrixView<T> y) {
  constexpr index_t side = 8;
  using Square = Eigen::Matrix<T, side, side, Eigen::RowMajor>;
  using Stride = Eigen::OuterStride<>;
  const index_t full_rows = y.rows / side * side, full_cols = y.cols / side * side;
  for (index_t f = 0; f < full_cols; f += side)
    for (index_t t = 0; t < full_rows; t += side)
      Eigen::Map<Square, 0, Stride>(y.row(t) + f, Stride(y.row_stride)) =
          Square(Eigen::Map<const Square, 0, Stride>(lanes + f * tokens + t, Stride(tokens))).transpose();
  for (index_t t = 0; t < y.rows; ++t)
    for (index_t f = t < full_rows ? full_cols : 0; f < y.cols; ++f) y(t, f) = lanes[f * tokens + t];
}

/// Some outputs of y = x W'^T + bias for one block of tokens; `out` is where the lanes of y are put together.
template <int tokens, class T>
void forward_block(CompressedView<T, HostSpace> weight, index_t first, index_t count, const T* x_lanes,
                   MatrixView<const T> bias, T* out) {
  using Lane = Eigen::Array<T, tokens, 1>;
  for (index_t o = first; o < first + count; ++o) {
    Lane sum = Lane::Constant(bias.empty() ? T{0} : bias(0, o));
    for (index_t p = weight.row_start[o]; p < weight.row_start[o + 1]; ++p)
      sum += weight.value[p] * Eigen::Map<const Lane, Eigen::AlignedMax>(x_lanes + index_t{weight.column[p]} * tokens);
    Eigen::Map<Lane, Eigen::AlignedMax>(out + (o - first) * tokens) = sum;
  }
}

/// grad_x = grad_y W' for one block of tokens, both as lanes; `grad_x` starts as zero.
template <int tokens, class T>
void backward_block(CompressedView<T, HostSpace> weight, const T* grad_y_lanes, T* grad_x_lanes) {
  using Lane = Eigen::Array<T, tokens, 1>;
  for (index_t o = 0; o < weight.rows; ++o) {
    const Lane grad = Eigen::Map<const Lane, Eigen::AlignedMax>(grad_y_lanes + o * tokens);
    for (index_t p = weight.row_start[o]; p < weight.row_start[o + 1]; ++p)
      Eigen::Map<Lane, Eigen::AlignedMax>(grad_x_lanes + index_t{weight.column[p]} * tokens) += weight.value[p] * grad;
  }
}

}  // namespace pst::eigen_cpu
