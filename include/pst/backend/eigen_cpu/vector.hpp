// SPDX-License-Identifier: Apache-2.0
#pragma once

// Registers whose lanes are moved: sums across lanes, and squares that are transposed. Everything else is written with
// fixed-size Eigen arrays.
// Work: 21 additions and shuffles for eight sums, against 64 one register at a time; a shuffle for each lane and
// halving of a square. Bound by shuffles, one a cycle.

#include <Eigen/Core>
#include <cstring>
#include <type_traits>
#include <utility>

#include "pst/core/config.hpp"

namespace pst::PST_ABI::PST_ISA::eigen_cpu {

using Floats = float __attribute__((vector_size(4 * Eigen::internal::packet_traits<float>::size)));
using Doubles = double __attribute__((vector_size(8 * Eigen::internal::packet_traits<double>::size)));

/// A register as wide as Eigen's.
template <class T>
struct Register {
  static constexpr int lanes = Eigen::internal::packet_traits<T>::size;
  using type = std::conditional_t<std::is_same_v<T, float>, Floats, Doubles>;

  [[nodiscard, gnu::always_inline]] static type load(const T* from) noexcept {
    type out;
    std::memcpy(&out, from, sizeof out);
    return out;
  }
  [[gnu::always_inline]] static void store(T* to, type value) noexcept { std::memcpy(to, &value, sizeof value); }
};

/// The registers hold sums of `blocks` things each, lanes of one thing side by side. The result holds those of both
/// registers, with half as many lanes for each.
template <int blocks, class T>
[[nodiscard, gnu::always_inline]] inline typename Register<T>::type fold(typename Register<T>::type a,
                                                                         typename Register<T>::type b) {
  constexpr int lanes = Register<T>::lanes, half = lanes / blocks / 2;
  return [&]<int... q>(std::integer_sequence<int, q...>) __attribute__((always_inline)) {
    return __builtin_shufflevector(a, b, ((q / half) * 2 * half + q % half)...) +
           __builtin_shufflevector(a, b, ((q / half) * 2 * half + half + q % half)...);
  }
  (std::make_integer_sequence<int, lanes>{});
}

/// Eight sums: that of the lanes of each of eight registers.
template <class T>
[[nodiscard, gnu::always_inline]] inline Eigen::Array<T, 8, 1> sums_of_eight(const typename Register<T>::type (&v)[8]) {
  constexpr int lanes = Register<T>::lanes;
  Eigen::Array<T, 8, 1> out;
  if constexpr (lanes < 8) {
    for (int i = 0; i < 8; ++i) {
      T lane[lanes];
      std::memcpy(lane, &v[i], sizeof lane);
      out[i] = lane[0];
      for (int l = 1; l < lanes; ++l) out[i] += lane[l];
    }
  } else {
    const auto low = fold<2, T>(fold<1, T>(v[0], v[1]), fold<1, T>(v[2], v[3]));
    const auto high = fold<2, T>(fold<1, T>(v[4], v[5]), fold<1, T>(v[6], v[7]));
    auto sums = fold<4, T>(low, high);
    if constexpr (lanes == 16) sums = fold<8, T>(sums, sums);
    std::memcpy(out.data(), &sums, sizeof out);
  }
  return out;
}

/// One round of a transposition: interleaves the upper half of the rows with the lower. Written out for each row and
/// lane, or compilers leave the rows in memory.
template <class T, int... lane, int... row>
[[gnu::always_inline]] inline void interleave(typename Register<T>::type (&rows)[Register<T>::lanes],
                                              std::integer_sequence<int, lane...>, std::integer_sequence<int, row...>) {
  constexpr int lanes = Register<T>::lanes, half = lanes / 2;
  typename Register<T>::type mixed[lanes];
  ((mixed[2 * row] = __builtin_shufflevector(rows[row], rows[row + half], (lane / 2 + lane % 2 * lanes)...),
    mixed[2 * row + 1] = __builtin_shufflevector(rows[row], rows[row + half], (half + lane / 2 + lane % 2 * lanes)...)),
   ...);
  ((rows[row] = mixed[row], rows[row + half] = mixed[row + half]), ...);
}

/// to[c][r] = from[r][c] for a square with as many rows as a register has lanes.
template <class T>
void transpose_square(const T* from, index_t from_stride, T* to, index_t to_stride) {
  constexpr int lanes = Register<T>::lanes;
  typename Register<T>::type rows[lanes];
  const auto each_row = [&]<int... row>(std::integer_sequence<int, row...>, auto f) { (f(row), ...); };
  const auto all = std::make_integer_sequence<int, lanes>{};
  const auto half = std::make_integer_sequence<int, lanes / 2>{};
  each_row(all, [&](index_t row) { rows[row] = Register<T>::load(from + row * from_stride); });
  if constexpr (lanes > 1) interleave<T>(rows, all, half);
  if constexpr (lanes > 2) interleave<T>(rows, all, half);
  if constexpr (lanes > 4) interleave<T>(rows, all, half);
  if constexpr (lanes > 8) interleave<T>(rows, all, half);
  each_row(all, [&](index_t row) { Register<T>::store(to + row * to_stride, rows[row]); });
}

}  // namespace pst::PST_ABI::PST_ISA::eigen_cpu
