// SPDX-License-Identifier: Apache-2.0
#pragma once

// The Walsh-Hadamard transform of rows, in place.
// Work: n log2 n additions for n numbers; half as many passes over them as levels, since two are done at once.
// Bound by L2 where a row does not fit into L1.

#include <Eigen/Core>
#include <type_traits>

#include "pst/backend/eigen_cpu/gemm.hpp"
#include "pst/core/config.hpp"

namespace pst::PST_ABI::PST_ISA::eigen_cpu {

/// The levels within `size` numbers, of which there are few; a constant, as a type, where it is one.
template <class T, class Size>
void hadamard_within(T* x, Size size) {
  for (index_t h = 1; h < size; h *= 2)
    for (index_t first = 0; first < size; first += 2 * h)
      for (index_t i = first; i < first + h; ++i) {
        const T a = x[i], b = x[i + h];
        x[i] = a + b, x[i + h] = a - b;
      }
}

/// x <- x H for n = 2^m numbers, with the additions of Reference.
template <class T>
void hadamard(T* x, index_t n) {
  constexpr index_t width = RegisterTile<T>::packet;
  using Packet = typename RegisterTile<T>::Packet;
  using In = Eigen::Map<const Packet>;
  using Out = Eigen::Map<Packet>;
  if (n < width) return hadamard_within(x, n);
  for (index_t first = 0; first < n; first += width)
    hadamard_within(x + first, std::integral_constant<index_t, width>{});
  index_t h = width;
  for (; 2 * h < n; h *= 4)
    for (index_t first = 0; first < n; first += 4 * h)
      for (index_t i = first; i < first + h; i += width) {
        const Packet a = In(x + i), b = In(x + i + h), c = In(x + i + 2 * h), d = In(x + i + 3 * h);
        const Packet ab = a + b, a_b = a - b, cd = c + d, c_d = c - d;
        Out(x + i) = ab + cd, Out(x + i + h) = a_b + c_d;
        Out(x + i + 2 * h) = ab - cd, Out(x + i + 3 * h) = a_b - c_d;
      }
  if (h < n)
    for (index_t i = 0; i < h; i += width) {
      const Packet a = In(x + i), b = In(x + i + h);
      Out(x + i) = a + b, Out(x + i + h) = a - b;
    }
}

}  // namespace pst::PST_ABI::PST_ISA::eigen_cpu
