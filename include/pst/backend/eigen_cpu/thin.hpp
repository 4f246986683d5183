// SPDX-License-Identifier: Apache-2.0
#pragma once

// Products of a tile with a factor of small rank r, which read the tile once: L R, G R^T and L^T G.
// Work: 2 r flops for each weight of the tile, in register tiles of 8 ranks.
// Bound by arithmetic for ranks above some 8 while the tile is in L2, by reading the tile below.

#include <Eigen/Core>
#include <utility>

#include "pst/backend/eigen_cpu/gemm.hpp"
#include "pst/core/view.hpp"

namespace pst::PST_ABI::PST_ISA::eigen_cpu {

/// Ranks up to this take the way of thin products.
inline constexpr index_t thin_rank = 32;

/// Calls `f(first, constant)` for groups of 8, 4 or 1 ranks.
template <class F>
void for_each_group_of_ranks(index_t rank, F&& f) {
  index_t k = 0;
  for (; k + 8 <= rank; k += 8) f(k, std::integral_constant<int, 8>{});
  for (; k + 4 <= rank; k += 4) f(k, std::integral_constant<int, 4>{});
  for (; k < rank; ++k) f(k, std::integral_constant<int, 1>{});
}

/// out += alpha L R for `ranks` columns of L and rows of R.
template <int ranks, class T>
void add_outer(T alpha, MatrixView<const T> left, MatrixView<const T> right, MatrixView<T> out) {
  using Packet = typename RegisterTile<T>::Packet;
  using In = Eigen::Map<const Packet>;
  using Out = Eigen::Map<Packet>;
  constexpr index_t width = RegisterTile<T>::packet;
  const index_t whole = out.cols / width * width;
  for (index_t c = 0; c < whole; c += width) {
    Packet row[ranks];
    for (int k = 0; k < ranks; ++k) row[k] = alpha * In(right.row(k) + c);
    for (index_t r = 0; r < out.rows; ++r) {
      const T* const l = left.row(r);
      Packet sum = In(out.row(r) + c);
      for (int k = 0; k < ranks; ++k) sum += l[k] * row[k];
      Out(out.row(r) + c) = sum;
    }
  }
  for (index_t r = 0; r < out.rows; ++r)
    for (index_t c = whole; c < out.cols; ++c)
      for (int k = 0; k < ranks; ++k) out(r, c) += left(r, k) * (alpha * right(k, c));
}

/// out += alpha G R^T for `ranks` rows of R and columns of out.
template <int ranks, class T>
void add_row_products(T alpha, MatrixView<const T> grad, MatrixView<const T> right, MatrixView<T> out) {
  using Packet = typename RegisterTile<T>::Packet;
  using In = Eigen::Map<const Packet>;
  constexpr index_t width = RegisterTile<T>::packet;
  const index_t whole = grad.cols / width * width;
  for (index_t r = 0; r < grad.rows; ++r) {
    const T* const g = grad.row(r);
    Packet sum[ranks];
    for (int k = 0; k < ranks; ++k) sum[k].setZero();
    for (index_t c = 0; c < whole; c += width) {
      const Packet here = In(g + c);
      for (int k = 0; k < ranks; ++k) sum[k] += here * In(right.row(k) + c);
    }
    for (int k = 0; k < ranks; ++k) {
      T total = sum[k].sum();
      for (index_t c = whole; c < grad.cols; ++c) total += g[c] * right(k, c);
      out(r, k) += alpha * total;
    }
  }
}

/// out += alpha L^T G for `ranks` columns of L and rows of out.
template <int ranks, class T>
void add_column_products(T alpha, MatrixView<const T> left, MatrixView<const T> grad, MatrixView<T> out) {
  constexpr index_t width = 2 * RegisterTile<T>::packet;
  using Packet = typename RegisterTile<T>::Packet;
  using In = Eigen::Map<const Packet>;
  using Out = Eigen::Map<Packet>;
  constexpr index_t half = RegisterTile<T>::packet;
  const index_t whole = grad.cols / width * width;
  for (index_t c = 0; c < whole; c += width) {
    Packet low[ranks], high[ranks];
    for (int k = 0; k < ranks; ++k) low[k].setZero(), high[k].setZero();
    for (index_t r = 0; r < grad.rows; ++r) {
      const Packet a = In(grad.row(r) + c), b = In(grad.row(r) + c + half);
      const T* const l = left.row(r);
      for (int k = 0; k < ranks; ++k) low[k] += l[k] * a, high[k] += l[k] * b;
    }
    for (int k = 0; k < ranks; ++k) {
      Out(out.row(k) + c) += alpha * low[k];
      Out(out.row(k) + c + half) += alpha * high[k];
    }
  }
  for (index_t c = whole; c < grad.cols; ++c)
    for (int k = 0; k < ranks; ++k) {
      T total{0};
      for (index_t r = 0; r < grad.rows; ++r) total += left(r, k) * grad(r, c);
      out(k, c) += alpha * total;
    }
}

}  // namespace pst::PST_ABI::PST_ISA::eigen_cpu
