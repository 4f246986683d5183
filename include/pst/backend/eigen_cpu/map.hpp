// SPDX-License-Identifier: Apache-2.0
#pragma once

// Functions of elements, 64 at a time, the mask's word unpacked.
// Work: that of the function; one load for each input and one store for each element.
// Bound by L2, where tiles live.

#include <Eigen/Core>
#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "pst/core/strided_view.hpp"
#include "pst/core/view.hpp"

namespace pst::PST_ABI::PST_ISA::eigen_cpu {

/// Elements of one group: a word of a mask.
inline constexpr index_t map_group = 64;

/// One group of elements of an input, as a function is given it.
template <class T>
struct GroupOfMatrix {
  const T* value;
  [[nodiscard]] T operator[](index_t i) const { return value[i]; }
};
/// Unpacked to numbers of 32 bits, which vectors compare as wide as floats.
struct GroupOfMask {
  std::uint32_t bit[map_group];

  explicit GroupOfMask(mask_word word) {
    const auto low = static_cast<std::uint32_t>(word), high = static_cast<std::uint32_t>(word >> 32);
    for (std::uint32_t i = 0; i < 32; ++i) bit[i] = (low >> i) & 1U;
    for (std::uint32_t i = 0; i < 32; ++i) bit[32 + i] = (high >> i) & 1U;
  }
  [[nodiscard]] bool operator[](index_t i) const { return bit[i] != 0; }
};
template <class T>
[[nodiscard]] GroupOfMatrix<std::remove_const_t<T>> group_of(MatrixView<T> in, index_t r, index_t c) {
  return {in.row(r) + c};
}
/// Every `stride`-th number: lines that are read for one row of a column-major matrix are there for its next rows.
template <class T>
struct GroupOfColumns {
  const T* value;
  index_t stride;
  [[nodiscard]] T operator[](index_t i) const { return value[i * stride]; }
};
template <class T>
[[nodiscard]] GroupOfColumns<std::remove_const_t<T>> group_of(StridedView<T> in, index_t r, index_t c) {
  return {&in(r, c), in.col_stride};
}
template <class Word>
[[nodiscard]] GroupOfMask group_of(MaskView<Word> in, index_t r, index_t c) {
  return GroupOfMask{in.row(r)[c / map_group]};
}

/// out[i] = f(in[i]...) for `count` elements, at most 64. By way of the stack: an input may be `out` itself, and the
/// compiler need not ask.
template <class T, class F, class... In>
void map_elements(T* out, index_t count, F f, const In&... in) {
  if (count == map_group) {
    using Group = Eigen::Array<T, map_group, 1>;
    Group result;
    for (index_t i = 0; i < map_group; ++i) result.data()[i] = static_cast<T>(f(in[i]...));
    Eigen::Map<Group>{out} = result;
  } else {
    T result[map_group];
    for (index_t i = 0; i < count; ++i) result[i] = static_cast<T>(f(in[i]...));
    std::copy_n(result, count, out);
  }
}

}  // namespace pst::PST_ABI::PST_ISA::eigen_cpu
