// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "pst/core/matrix.hpp"

namespace pst::PST_ABI {

/// The kept weights alone, as kernels read them: panels of columns, each of which is row by row.
///
/// A column within a panel fits in `Column`: training reads panels of 256 columns, of which 32 tokens fit in a core's
/// cache. Inference with few tokens reads wider ones, so that rows are longer; offsets are still given for every 256
/// columns, a segment, for when tokens are many. The kept weights of row r in segment s of panel p are those from
/// `row_start(p, r)[s]` to `row_start(p, r)[s + 1]`.
template <class Value, class Space, class Column = std::uint8_t>
struct CompressedView {
  static constexpr index_t panel_cols = sizeof(Column) == 1 ? 256 : 1024;
  static constexpr index_t segment_cols = 256;
  static constexpr index_t segments = panel_cols / segment_cols;
  /// Constant if `Value` is.
  template <class T>
  using Like = std::conditional_t<std::is_const_v<Value>, const T, T>;

  index_t rows = 0;
  index_t cols = 0;
  Like<std::uint32_t>* start = nullptr;  ///< panels * rows * segments + 1 offsets into `column` and `value`
  Like<Column>* column = nullptr;        ///< within the panel, ascending within a row
  Value* value = nullptr;

  [[nodiscard]] PST_HD static constexpr index_t panels_for(index_t cols) noexcept {
    return (cols + panel_cols - 1) / panel_cols;
  }
  [[nodiscard]] PST_HD constexpr index_t panels() const noexcept { return panels_for(cols); }
  /// The columns of one panel; the last may be narrower.
  [[nodiscard]] PST_HD constexpr index_t cols_of(index_t panel) const noexcept {
    return cols - panel * panel_cols < panel_cols ? cols - panel * panel_cols : panel_cols;
  }
  [[nodiscard]] PST_HD constexpr Like<std::uint32_t>* row_start(index_t panel, index_t row) const noexcept {
    return start + (panel * rows + row) * segments;
  }
};

/// The kept weights alone, owned. Memory follows their number: a thirty-second more than needed, never twice as much.
template <class B, class Scalar>
class CompressedWeight {
 public:
  using View = CompressedView<Scalar, typename B::space>;
  /// Offsets are 32 bits wide.
  static constexpr index_t most = index_t{0xFFFFFFFF};

  CompressedWeight() = default;
  CompressedWeight(index_t rows, index_t cols)
      : rows_{rows}, cols_{cols}, start_(static_cast<std::size_t>(View::panels_for(cols) * rows + 1)) {}

  /// Makes room for `count` weights; what was stored is lost.
  void reserve(index_t count) {
    if (count <= capacity_ && capacity_ <= 2 * count) return;
    capacity_ = 0;
    column_ = {};  // give the old memory back first
    value_ = {};
    const index_t room = count + count / 32;
    column_ = Columns(static_cast<std::size_t>(room));
    value_ = Values(static_cast<std::size_t>(room));
    capacity_ = room;
  }
  [[nodiscard]] View view() { return {rows_, cols_, start_.data(), column_.data(), value_.data()}; }
  [[nodiscard]] std::size_t bytes() const noexcept {
    return static_cast<std::size_t>(capacity_) * (sizeof(Scalar) + sizeof(std::uint8_t)) +
           start_.size() * sizeof(std::uint32_t);
  }

 private:
  using Columns = typename B::template buffer<std::uint8_t>;
  using Values = typename B::template buffer<Scalar>;
  index_t rows_ = 0;
  index_t cols_ = 0;
  typename B::template buffer<std::uint32_t> start_;
  Columns column_;
  Values value_;
  index_t capacity_ = 0;
};

}  // namespace pst::PST_ABI
