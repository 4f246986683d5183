// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>
#include <type_traits>

#include "pst/core/config.hpp"

namespace pst::PST_ABI {

/// pointer + count; a null pointer, of an empty view, stays one.
template <class T>
[[nodiscard]] PST_HD constexpr T* offset(T* pointer, index_t count) noexcept {
  return pointer == nullptr ? nullptr : pointer + count;
}

/// Host and device memory do not mix: a view of one is no view of the other.
template <class From, class To>
concept SameMemory = std::is_same_v<From, To>;

/// A matrix somebody else owns: `rows` x `cols`, neighbours of one row contiguous, rows `row_stride` elements apart.
///
/// The same bytes are a libtorch tensor `[rows, cols]`, a ggml tensor with ne0 = cols, and a column-major
/// Armadillo or Eigen matrix `cols` x `rows`. The memory space is part of the type: a view of device memory does
/// not convert to a view of host memory.
template <class T, class Space = HostSpace>
struct MatrixView {
  using value_type = std::remove_const_t<T>;

  T* data = nullptr;
  index_t rows = 0;
  index_t cols = 0;
  index_t row_stride = 0;

  constexpr MatrixView() = default;
  PST_HD constexpr MatrixView(T* data_, index_t rows_, index_t cols_, index_t row_stride_) noexcept
      : data{data_}, rows{rows_}, cols{cols_}, row_stride{row_stride_} {}
  /// Rows directly behind one another.
  PST_HD constexpr MatrixView(T* data_, index_t rows_, index_t cols_) noexcept
      : MatrixView{data_, rows_, cols_, cols_} {}
  /// A view of constants from a view of variables, in the same memory.
  template <class U, class OtherSpace>
  requires SameMemory<OtherSpace, Space> && std::convertible_to<U (*)[], T (*)[]> PST_HD constexpr MatrixView(
      MatrixView<U, OtherSpace> other) noexcept
      : MatrixView{other.data, other.rows, other.cols, other.row_stride} {}

  [[nodiscard]] PST_HD constexpr T& operator()(index_t row, index_t col) const noexcept {
    return data[row * row_stride + col];
  }
  [[nodiscard]] PST_HD constexpr T* row(index_t r) const noexcept { return data + r * row_stride; }
  [[nodiscard]] PST_HD constexpr index_t size() const noexcept { return rows * cols; }
  [[nodiscard]] PST_HD constexpr bool empty() const noexcept { return rows == 0 || cols == 0; }
  /// `count` rows from row `first` on.
  [[nodiscard]] PST_HD constexpr MatrixView middle_rows(index_t first, index_t count) const noexcept {
    return {offset(data, first * row_stride), count, cols, row_stride};
  }
  /// `count` columns from column `first` on.
  [[nodiscard]] PST_HD constexpr MatrixView middle_cols(index_t first, index_t count) const noexcept {
    return {offset(data, first), rows, count, row_stride};
  }
};
static_assert(std::is_trivially_copyable_v<MatrixView<float>>);

/// A mask somebody else owns, one bit per weight: 1 keeps, 0 prunes.
///
/// Bit `c % 64` of word `c / 64` of a row is column `c`; each row starts a new word and unused bits are 0.
template <class Word, class Space = HostSpace>
struct MaskView {
  static constexpr index_t bits = 64;

  Word* words = nullptr;
  index_t rows = 0;
  index_t cols = 0;
  index_t words_per_row = 0;

  constexpr MaskView() = default;
  PST_HD constexpr MaskView(Word* words_, index_t rows_, index_t cols_) noexcept
      : MaskView{words_, rows_, cols_, words_for(cols_)} {}
  PST_HD constexpr MaskView(Word* words_, index_t rows_, index_t cols_, index_t words_per_row_) noexcept
      : words{words_}, rows{rows_}, cols{cols_}, words_per_row{words_per_row_} {}
  template <class U>
  requires std::convertible_to<U (*)[], Word (*)[]> PST_HD constexpr MaskView(MaskView<U, Space> other) noexcept
      : MaskView{other.words, other.rows, other.cols, other.words_per_row} {}

  [[nodiscard]] PST_HD static constexpr index_t words_for(index_t cols) noexcept { return (cols + bits - 1) / bits; }
  [[nodiscard]] PST_HD constexpr bool operator()(index_t row, index_t col) const noexcept {
    return (words[row * words_per_row + col / bits] >> (col % bits)) & 1U;
  }
  [[nodiscard]] PST_HD constexpr Word* row(index_t r) const noexcept { return words + r * words_per_row; }
  [[nodiscard]] PST_HD constexpr MaskView middle_rows(index_t first, index_t count) const noexcept {
    return {offset(words, first * words_per_row), count, cols, words_per_row};
  }
  /// `count` columns from column `first` on, a multiple of `bits`. Only to be read: the last word may hold bits of
  /// columns beyond.
  [[nodiscard]] PST_HD constexpr MaskView middle_cols(index_t first, index_t count) const noexcept {
    return {offset(words, first / bits), rows, count, words_per_row};
  }
};

/// One word of a mask.
using mask_word = std::uint64_t;

}  // namespace pst::PST_ABI
