// SPDX-License-Identifier: Apache-2.0
#pragma once

// Dense product C += alpha A B of one thread, for operands with any strides.
// Work: 2 m n k flops in register tiles of `rows` x 2 packets; B is packed once for all rows of A, A once per 96
// columns. Bound by arithmetic when m, n and k are above some tens; thin products (a rank of 8) by reading the large
// side. The order of all sums depends on the sizes alone: never on alignment or threads, unlike a library's GEMM.

#include <Eigen/Core>
#include <algorithm>
#include <utility>

#include "pst/core/config.hpp"

namespace pst::eigen_cpu {

/// A matrix operand with any row and column stride.
template <class T>
struct Operand {
  const T* data;
  index_t row_stride;
  index_t col_stride;

  [[nodiscard]] Operand from(index_t r, index_t c) const noexcept {
    return {data + r * row_stride + c * col_stride, row_stride, col_stride};
  }
  [[nodiscard]] T operator()(index_t r, index_t c) const noexcept { return data[r * row_stride + c * col_stride]; }
  [[nodiscard]] Operand transposed() const noexcept { return {data, col_stride, row_stride}; }
};

/// The register tile that fits the widest vectors Eigen uses here.
template <class T>
struct Tile {
  static constexpr int packet = Eigen::internal::packet_traits<T>::size;
  static constexpr int rows = packet * int{sizeof(T)} >= 64 ? 12 : 6;  // 32 registers, or 16
  static constexpr int cols = 2 * packet;
  static constexpr index_t depth = 1024 / sizeof(T);                // of a packed panel
  static constexpr index_t panels = 96 / cols > 0 ? 96 / cols : 1;  // of B, packed together: below 100 KB of stack
  using Packet = Eigen::Array<T, packet, 1>;
};

/// packed[p][i] = a(i, p) for `count` of `width` rows i, zeros for the others.
template <int width, class T>
void pack_panel(Operand<T> a, index_t count, index_t depth, T* packed) {
  if (count < width) {
    std::fill_n(packed, depth * width, T{0});
    for (index_t p = 0; p < depth; ++p)
      for (index_t i = 0; i < count; ++i) packed[p * width + i] = a(i, p);
  } else if (a.row_stride == 1) {
    using Row = Eigen::Array<T, width, 1>;
    for (index_t p = 0; p < depth; ++p)
      Eigen::Map<Row>(packed + p * width) = Eigen::Map<const Row>(a.data + p * a.col_stride);
  } else if (a.col_stride == 1) {  // transpose, in squares that fit in registers
    constexpr int side = width % 4 == 0 ? 4 : 2;
    using Square = Eigen::Matrix<T, side, side, Eigen::RowMajor>;
    using Stride = Eigen::OuterStride<>;
    const index_t whole = depth / side * side;
    for (index_t i = 0; i < width; i += side)
      for (index_t p = 0; p < whole; p += side)
        Eigen::Map<Square, 0, Stride>(packed + p * width + i, Stride(width)) =
            Square(Eigen::Map<const Square, 0, Stride>(&a.data[i * a.row_stride + p], Stride(a.row_stride)))
                .transpose();
    for (index_t p = whole; p < depth; ++p)
      for (index_t i = 0; i < width; ++i) packed[p * width + i] = a(i, p);
  } else {
    for (index_t p = 0; p < depth; ++p)
      for (index_t i = 0; i < width; ++i) packed[p * width + i] = a(i, p);
  }
}

/// tile = A B of packed panels.
template <class T>
void multiply_tile(index_t depth, const T* a, const T* b, T* tile) {
  using Shape = Tile<T>;
  using Packet = typename Shape::Packet;
  using In = Eigen::Map<const Packet, Eigen::AlignedMax>;
  using Out = Eigen::Map<Packet, Eigen::AlignedMax>;
  [&]<int... i>(std::integer_sequence<int, i...>) {  // unrolled: the sums live in registers
    Packet left[Shape::rows], right[Shape::rows];
    ((left[i].setZero(), right[i].setZero()), ...);
    for (index_t p = 0; p < depth; ++p, a += Shape::rows, b += Shape::cols) {
      const Packet b0 = In(b), b1 = In(b + Shape::packet);
      ((left[i] += a[i] * b0, right[i] += a[i] * b1), ...);
    }
    ((Out(tile + i * Shape::cols) = left[i], Out(tile + i * Shape::cols + Shape::packet) = right[i]), ...);
  }
  (std::make_integer_sequence<int, Shape::rows>{});
}

/// c(i, j) += alpha sum over p of a(i, p) b(p, j), for an m x k matrix a and a k x n matrix b.
template <class T>
void multiply_add(index_t m, index_t n, index_t k, T alpha, Operand<T> a, Operand<T> b, T* c, index_t c_row,
                  index_t c_col = 1) {
  using Shape = Tile<T>;
  if (n < Shape::cols && m > n) {  // the wide side of the tile along the long side of C
    std::swap(m, n), std::swap(c_row, c_col);
    const Operand<T> left = b.transposed();
    b = a.transposed(), a = left;
  }
  constexpr index_t chunk = Shape::panels * Shape::cols;
  alignas(64) T a_panel[Shape::rows * Shape::depth];
  alignas(64) T b_panels[chunk * Shape::depth];
  alignas(64) T tile[Shape::rows * Shape::cols];
  for (index_t j = 0; j < n; j += chunk)
    for (index_t p = 0; p < k; p += Shape::depth) {
      const index_t depth = std::min(Shape::depth, k - p), wide = std::min(chunk, n - j);
      for (index_t x = 0; x < wide; x += Shape::cols)
        pack_panel<Shape::cols>(b.from(p, j + x).transposed(), std::min<index_t>(Shape::cols, wide - x), depth,
                                b_panels + x * depth);
      for (index_t i = 0; i < m; i += Shape::rows) {
        const index_t tall = std::min<index_t>(Shape::rows, m - i);
        pack_panel<Shape::rows>(a.from(i, p), tall, depth, a_panel);
        for (index_t x = 0; x < wide; x += Shape::cols) {
          multiply_tile(depth, a_panel, b_panels + x * depth, tile);
          const index_t width = std::min<index_t>(Shape::cols, wide - x);
          T* out = c + i * c_row + (j + x) * c_col;
          for (index_t r = 0; r < tall; ++r)
            for (index_t s = 0; s < width; ++s) out[r * c_row + s * c_col] += alpha * tile[r * Shape::cols + s];
        }
      }
    }
}

}  // namespace pst::eigen_cpu
