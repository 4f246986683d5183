// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/core/view.hpp"

namespace pst::PST_ABI {

/// A matrix somebody else owns, with any distance between rows and between columns: element (r, c) is
/// `data[r * row_stride + c * col_stride]`.
///
/// What a weight may be: row-major as in torch.nn.Linear, or column-major, as Eigen's matrices are and the weight of
/// GPT-2's Conv1D is, whose rows are the inputs. `StridedView{conv1d}.transposed()` is its weight as out x in.
template <class T, class Space = HostSpace>
struct StridedView {
  using value_type = std::remove_const_t<T>;

  T* data = nullptr;
  index_t rows = 0;
  index_t cols = 0;
  index_t row_stride = 0;
  index_t col_stride = 1;

  constexpr StridedView() = default;
  PST_HD constexpr StridedView(T* data_, index_t rows_, index_t cols_, index_t row_stride_,
                               index_t col_stride_ = 1) noexcept
      : data{data_}, rows{rows_}, cols{cols_}, row_stride{row_stride_}, col_stride{col_stride_} {}
  /// Rows directly behind one another.
  PST_HD constexpr StridedView(T* data_, index_t rows_, index_t cols_) noexcept
      : StridedView{data_, rows_, cols_, cols_} {}
  /// A matrix whose rows are contiguous.
  template <class U, class OtherSpace>
  requires SameMemory<OtherSpace, Space> && std::convertible_to<U (*)[], T (*)[]> PST_HD constexpr StridedView(
      MatrixView<U, OtherSpace> view) noexcept
      : StridedView{view.data, view.rows, view.cols, view.row_stride, 1} {}
  template <class U, class OtherSpace>
  requires SameMemory<OtherSpace, Space> && std::convertible_to<U (*)[], T (*)[]> PST_HD constexpr StridedView(
      StridedView<U, OtherSpace> view) noexcept
      : StridedView{view.data, view.rows, view.cols, view.row_stride, view.col_stride} {}

  [[nodiscard]] PST_HD constexpr T& operator()(index_t row, index_t col) const noexcept {
    return data[row * row_stride + col * col_stride];
  }
  /// The same numbers, rows and columns exchanged.
  [[nodiscard]] PST_HD constexpr StridedView transposed() const noexcept {
    return {data, cols, rows, col_stride, row_stride};
  }
  /// Whether neighbours of one row are neighbours in memory.
  [[nodiscard]] PST_HD constexpr bool rows_are_contiguous() const noexcept { return col_stride == 1 || cols <= 1; }
  /// The view of contiguous rows; meaningful only where they are.
  [[nodiscard]] PST_HD constexpr MatrixView<T, Space> contiguous() const noexcept {
    return {data, rows, cols, row_stride};
  }
  [[nodiscard]] PST_HD constexpr StridedView middle_rows(index_t first, index_t count) const noexcept {
    return {offset(data, first * row_stride), count, cols, row_stride, col_stride};
  }
  [[nodiscard]] PST_HD constexpr StridedView middle_cols(index_t first, index_t count) const noexcept {
    return {offset(data, first * col_stride), rows, count, row_stride, col_stride};
  }
};
template <class T, class Space>
StridedView(MatrixView<T, Space>) -> StridedView<T, Space>;
static_assert(std::is_trivially_copyable_v<StridedView<float>>);

}  // namespace pst::PST_ABI
