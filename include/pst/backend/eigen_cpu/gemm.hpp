// SPDX-License-Identifier: Apache-2.0
#pragma once

// Dense product C += alpha A B of one thread, for operands with any strides.
// Work: 2 m n k flops in register tiles of `rows` x 2 packets; each element of B is packed once per 48 rows of A.
// Bound by arithmetic for k, m, n above some tens; thin products (a rank of 8) are bound by reading the large side.
// The order of all sums depends on the sizes alone: never on alignment or threads, unlike a library's GEMM.

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

  [[nodiscard]] const T* at(index_t r, index_t c) const noexcept { return data + r * row_stride + c * col_stride; }
  [[nodiscard]] Operand transposed() const noexcept { return {data, col_stride, row_stride}; }
};

/// The register tile that fits the widest vectors Eigen uses here.
template <class T>
struct Tile {
  static constexpr int packet = Eigen::internal::packet_traits<T>::size;
  static constexpr int rows = packet * int{sizeof(T)} >= 64 ? 12 : 6;  // 32 registers, or 16
  static constexpr int cols = 2 * packet;
  static constexpr index_t depth = 256;  // of a packed panel
  static constexpr index_t a_rows = 48;  // packed at once; a multiple of both values of `rows`
  using Packet = Eigen::Array<T, packet, 1>;
};

/// packed[p][i] = a(i, p) for `count` of `width` rows i, zeros for the others.
template <int width, class T>
void pack_panel(Operand<T> a, index_t count, index_t depth, T* packed) {
  if (count < width) std::fill_n(packed, depth * width, T{0});
  if (a.col_stride == 1 && a.row_stride != 1) {
    for (index_t i = 0; i < count; ++i)
      for (index_t p = 0; p < depth; ++p) packed[p * width + i] = *a.at(i, p);
  } else if (a.row_stride == 1 && count == width) {
    for (index_t p = 0; p < depth; ++p) std::copy_n(a.at(0, p), width, packed + p * width);
  } else {
    for (index_t p = 0; p < depth; ++p)
      for (index_t i = 0; i < count; ++i) packed[p * width + i] = *a.at(i, p);
  }
}

/// tile = A B of packed panels.
template <class T>
void multiply_tile(index_t depth, const T* a, const T* b, T* tile) {
  using Shape = Tile<T>;
  using Packet = typename Shape::Packet;
  using In = Eigen::Map<const Packet, Eigen::AlignedMax>;
  using Out = Eigen::Map<Packet, Eigen::AlignedMax>;
  Packet sum[Shape::rows][2];
  for (auto& row : sum) row[0].setZero(), row[1].setZero();
  for (index_t p = 0; p < depth; ++p, a += Shape::rows, b += Shape::cols) {
    const Packet b0 = In(b), b1 = In(b + Shape::packet);
    for (int i = 0; i < Shape::rows; ++i) {
      sum[i][0] += a[i] * b0;
      sum[i][1] += a[i] * b1;
    }
  }
  for (int i = 0; i < Shape::rows; ++i) {
    Out(tile + i * Shape::cols) = sum[i][0];
    Out(tile + i * Shape::cols + Shape::packet) = sum[i][1];
  }
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
  alignas(64) T a_panels[Shape::a_rows * Shape::depth];
  alignas(64) T b_panel[Shape::cols * Shape::depth];
  alignas(64) T tile[Shape::rows * Shape::cols];
  for (index_t p = 0; p < k; p += Shape::depth) {
    const index_t depth = std::min(Shape::depth, k - p);
    for (index_t i = 0; i < m; i += Shape::a_rows) {
      const index_t height = std::min(Shape::a_rows, m - i);
      for (index_t r = 0; r < height; r += Shape::rows)
        pack_panel<Shape::rows>(Operand<T>{a.at(i + r, p), a.row_stride, a.col_stride},
                                std::min<index_t>(Shape::rows, height - r), depth, a_panels + r * depth);
      for (index_t j = 0; j < n; j += Shape::cols) {
        const index_t width = std::min<index_t>(Shape::cols, n - j);
        pack_panel<Shape::cols>(Operand<T>{b.at(p, j), b.row_stride, b.col_stride}.transposed(), width, depth, b_panel);
        for (index_t r = 0; r < height; r += Shape::rows) {
          multiply_tile(depth, a_panels + r * depth, b_panel, tile);
          const index_t tall = std::min<index_t>(Shape::rows, height - r);
          T* out = c + (i + r) * c_row + j * c_col;
          for (index_t y = 0; y < tall; ++y)
            for (index_t x = 0; x < width; ++x) out[y * c_row + x * c_col] += alpha * tile[y * Shape::cols + x];
        }
      }
    }
  }
}

}  // namespace pst::eigen_cpu
