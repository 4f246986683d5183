// SPDX-License-Identifier: Apache-2.0
#pragma once

// Dense product C += alpha A B of one thread, for operands with any strides.
// Work: 2 m n k flops in register tiles of `rows` x 2 packets; B is packed once for all rows of A, A once per 96
// columns. Bound by arithmetic when m, n and k are above some tens; thin products (a rank of 8) by reading the large
// side. The order of all sums depends on the sizes alone: never on alignment or threads, unlike a library's GEMM.

#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <utility>

#include "pst/core/config.hpp"
#include "pst/core/host_buffer.hpp"

namespace pst::PST_ABI::PST_ISA::eigen_cpu {

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
struct RegisterTile {
  static constexpr int packet = Eigen::internal::packet_traits<T>::size;
  static constexpr int rows = packet * int{sizeof(T)} >= 64 ? 12 : 6;  // 32 registers, or 16
  static constexpr int cols = 2 * packet;
  static constexpr index_t depth = 1024 / sizeof(T);  // of a packed panel
  static constexpr index_t packed_rows = 22 * 12;     // of A that are packed together, a multiple of `rows`
  static constexpr index_t packed_cols = 256;         // of B
  using Packet = Eigen::Array<T, packet, 1>;

  /// From one packed panel to the next: a cache line more than it holds, or all panels would begin in the same sets of
  /// the L1 cache.
  [[nodiscard]] static constexpr index_t panel(index_t width, index_t length) noexcept {
    return width * length + 64 / index_t{sizeof(T)};
  }
};

/// Numbers of packed A and B.
template <class T, class Shape = RegisterTile<T>>
inline constexpr index_t packed_a = Shape::packed_rows / Shape::rows* Shape::panel(Shape::rows, Shape::depth);
template <class T, class Shape = RegisterTile<T>>
inline constexpr index_t packed_b = Shape::packed_cols / Shape::cols* Shape::panel(Shape::cols, Shape::depth);
template <class T>
inline constexpr std::size_t packed_bytes = static_cast<std::size_t>(packed_a<T> + packed_b<T>) * sizeof(T);

/// Memory of one thread for the product that it is at: 540 KB, for packed A and B or for the lanes of some tokens.
/// Threads of EigenCpu bring it along. Another one allocates it when it makes an EigenCpu or attaches a layer, or else
/// with its first product.
struct ThreadMemory {
  HostBuffer<std::byte> bytes;

  [[nodiscard]] static ThreadMemory& of_this_thread() {
    thread_local ThreadMemory memory;
    return memory;
  }
  void allocate() {
    if (bytes.size() < size) bytes = HostBuffer<std::byte>(size);
  }
  template <class T>
  [[nodiscard]] T* numbers() {
    allocate();
    return reinterpret_cast<T*>(bytes.data());
  }

 private:
  static constexpr std::size_t size = std::max(packed_bytes<float>, packed_bytes<double>);
};

/// packed[p][i] = a(i, p) for `count` of `width` rows i, zeros for the others.
template <int width, class T>
void pack_panel(Operand<T> a, index_t count, index_t depth, T* packed) {
  if (count < width) {
    std::fill_n(packed, depth * width, T{0});
    for (index_t p = 0; p < depth; ++p)
      for (index_t i = 0; i < count; ++i) packed[p * width + i] = a(i, p);
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

/// Packs `count` rows of a, `width` in each panel. Where rows lie side by side, all are read in one sweep.
template <int width, class T>
void pack(Operand<T> a, index_t count, index_t depth, T* packed) {
  constexpr int packet = RegisterTile<T>::packet;
  constexpr int whole = (width + packet - 1) / packet * packet;  // in whole packets; what is too much is overwritten
  const index_t panel = RegisterTile<T>::panel(width, depth);
  using Row = Eigen::Array<T, width, 1>;
  using WholeRow = Eigen::Array<T, whole, 1>;
  const index_t swept = a.row_stride == 1 ? count / width * width : 0;
  const index_t fast = depth > 1 && count >= whole ? std::min(swept, (count - whole) / width * width + width) : 0;
  for (index_t p = 0; p < depth; ++p) {
    const T* const row = a.data + p * a.col_stride;
    T* to = packed + p * width;
    index_t i = 0;
    if (p + 1 < depth)
      for (; i < fast; i += width, to += panel) Eigen::Map<WholeRow>{to} = Eigen::Map<const WholeRow>(row + i);
    for (; i < swept; i += width, to += panel) Eigen::Map<Row>{to} = Eigen::Map<const Row>(row + i);
  }
  for (index_t i = swept; i < count; i += width)
    pack_panel<width>(a.from(i, 0), std::min<index_t>(width, count - i), depth, packed + i / width * panel);
}

/// tile = A B of packed panels. Not inlined: the sums must stay in registers wherever it is called.
template <class T>
[[gnu::noinline]] void multiply_tile(index_t depth, const T* a, const T* b, T* tile) {
  using Shape = RegisterTile<T>;
  using Packet = typename Shape::Packet;
  using In = Eigen::Map<const Packet, Eigen::AlignedMax>;
  using Out = Eigen::Map<Packet, Eigen::AlignedMax>;
  const auto unrolled = [ depth, tile ]<int... i>(const T* l, const T* r, std::integer_sequence<int, i...>) {
    Packet left[Shape::rows], right[Shape::rows];
    ((left[i].setZero(), right[i].setZero()), ...);
    for (index_t p = 0; p < depth; ++p, l += Shape::rows, r += Shape::cols) {
      const Packet r0 = In(r), r1 = In(r + Shape::packet);
      ((left[i] += l[i] * r0, right[i] += l[i] * r1), ...);
    }
    ((Out(tile + i * Shape::cols) = left[i], Out(tile + i * Shape::cols + Shape::packet) = right[i]), ...);
  };
  unrolled(a, b, std::make_integer_sequence<int, Shape::rows>{});  // the sums live in registers
}

/// c(i, j) += alpha tile(i, j) for the first `tall` rows and `wide` columns of a tile.
template <class T>
void add_tile(const T* tile, T alpha, index_t tall, index_t wide, T* c, index_t c_row, index_t c_col) {
  using Shape = RegisterTile<T>;
  using Row = Eigen::Array<T, Shape::cols, 1>;
  if (tall == Shape::rows && wide == Shape::cols && c_col == 1) {
    for (index_t r = 0; r < Shape::rows; ++r)
      Eigen::Map<Row>(c + r * c_row) += alpha * Eigen::Map<const Row, Eigen::AlignedMax>(tile + r * Shape::cols);
    return;
  }
  for (index_t r = 0; r < tall; ++r)
    for (index_t s = 0; s < wide; ++s) c[r * c_row + s * c_col] += alpha * tile[r * Shape::cols + s];
}

/// c(i, j) += alpha sum over p of a(i, p) b(p, j), for an m x k matrix a and a k x n matrix b.
template <class T>
void multiply_add(index_t m, index_t n, index_t k, T alpha, Operand<T> a, Operand<T> b, T* c, index_t c_row,
                  index_t c_col = 1) {
  using Shape = RegisterTile<T>;
  if (n < Shape::cols && m > n) {  // the wide side of the tile along the long side of C
    std::swap(m, n), std::swap(c_row, c_col);
    const Operand<T> left = b.transposed();
    b = a.transposed(), a = left;
  }
  T *const a_panels = ThreadMemory::of_this_thread().numbers<T>(), *const b_panels = a_panels + packed_a<T>;
  alignas(64) T tile[Shape::rows * Shape::cols];
  for (index_t j = 0; j < n; j += Shape::packed_cols)
    for (index_t p = 0; p < k; p += Shape::depth) {
      const index_t depth = std::min(Shape::depth, k - p), wide = std::min(Shape::packed_cols, n - j);
      const index_t a_panel = Shape::panel(Shape::rows, depth), b_panel = Shape::panel(Shape::cols, depth);
      pack<Shape::cols>(b.from(p, j).transposed(), wide, depth, b_panels);
      for (index_t i = 0; i < m; i += Shape::packed_rows) {
        const index_t tall = std::min(Shape::packed_rows, m - i);
        pack<Shape::rows>(a.from(i, p), tall, depth, a_panels);
        for (index_t x = 0; x < wide; x += Shape::cols)  // a panel of B stays in L1 while all of A meets it
          for (index_t y = 0; y < tall; y += Shape::rows) {
            multiply_tile(depth, a_panels + y / Shape::rows * a_panel, b_panels + x / Shape::cols * b_panel, tile);
            add_tile(tile, alpha, std::min<index_t>(Shape::rows, tall - y), std::min<index_t>(Shape::cols, wide - x),
                     c + (i + y) * c_row + (j + x) * c_col, c_row, c_col);
          }
      }
    }
}

}  // namespace pst::PST_ABI::PST_ISA::eigen_cpu
