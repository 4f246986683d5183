// SPDX-License-Identifier: Apache-2.0
#pragma once

// Functions of elements, 64 at a time, the mask's word unpacked.
// Work: that of the function; one load for each input and one store for each element.
// Bound by L2, where tiles live.

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "pst/core/view.hpp"

namespace pst::eigen_cpu {

/// Elements of one piece: a word of a mask.
inline constexpr index_t map_step = 64;

/// One piece of an input, on the stack.
template <class T>
struct Piece {
  T value[map_step];
};
/// Where a piece of an input begins.
template <class T>
struct PieceOfMatrix {
  const T* data;
  [[nodiscard]] Piece<T> load(index_t count) const {
    Piece<T> out;
    if (count == map_step) {
      std::memcpy(out.value, data, sizeof out.value);
    } else {
      std::copy_n(data, count, out.value);
      std::fill(out.value + count, out.value + map_step, T{0});
    }
    return out;
  }
};
struct PieceOfMask {
  mask_word word;
  /// As numbers of 32 bits, which vectors compare as wide as floats.
  [[nodiscard]] Piece<std::uint32_t> load(index_t) const {
    Piece<std::uint32_t> out;
    const auto low = static_cast<std::uint32_t>(word), high = static_cast<std::uint32_t>(word >> 32);
    for (std::uint32_t i = 0; i < 32; ++i) out.value[i] = (low >> i) & 1U;
    for (std::uint32_t i = 0; i < 32; ++i) out.value[32 + i] = (high >> i) & 1U;
    return out;
  }
};
template <class T>
[[nodiscard]] PieceOfMatrix<std::remove_const_t<T>> piece(MatrixView<T> in, index_t r, index_t c) {
  return {in.row(r) + c};
}
template <class Word>
[[nodiscard]] PieceOfMask piece(MaskView<Word> in, index_t r, index_t c) {
  return {in.row(r)[c / map_step]};
}

/// What a function is given of an input.
template <class T>
[[nodiscard]] T element(const Piece<T>& piece, index_t i) {
  return piece.value[i];
}
[[nodiscard]] inline bool element(const Piece<std::uint32_t>& piece, index_t i) { return piece.value[i] != 0; }

/// out[i] = f(in[i]...) for `count` elements, at most 64.
template <class T, class F, class... In>
void map_piece(T* out, index_t count, F f, const In&... in) {
  Piece<T> result;
  for (index_t i = 0; i < map_step; ++i) result.value[i] = static_cast<T>(f(element(in, i)...));
  if (count == map_step)
    std::memcpy(out, result.value, sizeof result.value);
  else
    std::copy_n(result.value, count, out);
}

/// out[i] = f(in[i]...) for a row. An input may be `out` itself, but overlaps in no other way: the compiler need not
/// ask.
template <class T, class F, class... In>
void map_row(T* out, index_t count, F f, const In*... in) {
#ifdef __clang__
#pragma clang loop vectorize(assume_safety)
#else
#pragma GCC ivdep
#endif
  for (index_t i = 0; i < count; ++i) out[i] = static_cast<T>(f(in[i]...));
}

}  // namespace pst::eigen_cpu
