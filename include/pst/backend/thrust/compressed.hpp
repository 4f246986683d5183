// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <thrust/binary_search.h>
#include <thrust/execution_policy.h>

#include <cstdint>

#include "pst/backend/thrust/masks.hpp"
#include "pst/core/compressed.hpp"
#include "pst/core/work_plan.hpp"

// What the verbs of the compressed weight do for one row of the weight, or for one number of an activation.
namespace pst::PST_ABI::on_thrust {

/// The kept weights of one row in one panel; positions are `panel * rows + row`.
template <class T, class Space>
struct KeptInSegment {
  ConstWords<Space> mask;
  PST_HD std::uint32_t operator()(index_t at) const {
    constexpr index_t words = CompressedView<T, Space>::panel_cols / ConstWords<Space>::bits;
    const index_t first = at / mask.rows * words;
    const index_t end = first + words < mask.words_per_row ? first + words : mask.words_per_row;
    index_t kept = 0;
    for (index_t w = first; w < end; ++w) kept += count_ones(mask.row(at % mask.rows)[w]);
    return static_cast<std::uint32_t>(kept);
  }
};

/// The kept weights of one word of a mask.
struct KeptInWord {
  const mask_word* words;
  PST_HD index_t operator()(index_t w) const { return count_ones(words[w]); }
};

/// One row of a tile in one of its panels.
template <class T, class Space>
struct CompressSegment {
  MatrixView<const T, Space> weight;
  ConstWords<Space> mask;
  Tile tile;
  CompressedView<T, Space> out;

  PST_HD void operator()(index_t r, index_t panel) const {
    const index_t begin = panel * out.panel_cols, left = tile.cols - begin;
    std::uint32_t at = *out.row_start(tile.col / out.panel_cols + panel, tile.row + r);
    for (index_t c = begin; c < begin + (left < out.panel_cols ? left : out.panel_cols); ++c)
      if (mask(r, c)) {
        out.column[at] = static_cast<std::uint8_t>(c - begin);
        out.value[at++] = weight(r, c);
      }
  }
};

/// Calls `visit(row in the panel, offset)` for the weights of column `c` in the 256 rows that are panel `panel` of the
/// transpose, looked up in every row.
template <class T, class Space, class F>
PST_HD void for_each_in_column(CompressedView<T, Space> weight, index_t panel, index_t c, F visit) {
  const index_t from = c / weight.panel_cols, begin = panel * weight.panel_cols;
  const auto wanted = static_cast<std::uint8_t>(c - from * weight.panel_cols);
  for (index_t r = begin; r < weight.rows && r < begin + weight.panel_cols; ++r) {
    const std::uint32_t* const start = weight.start + from * weight.rows + r;
    const std::uint8_t *const first = weight.column + start[0], *const end = weight.column + start[1];
    const std::uint8_t* const found = thrust::lower_bound(thrust::seq, first, end, wanted);
    if (found != end && *found == wanted) visit(r - begin, found - weight.column);
  }
}
/// The kept weights of one row of the transpose in one panel.
template <class T, class Space>
struct KeptInColumn {
  CompressedView<T, Space> weight;
  PST_HD std::uint32_t operator()(index_t at) const {
    std::uint32_t kept = 0;
    for_each_in_column(weight, at / weight.cols, at % weight.cols, [&kept](index_t, index_t) { ++kept; });
    return kept;
  }
};
template <class T, class Space>
struct TransposeSegment {
  CompressedView<T, Space> weight, out;
  PST_HD void operator()(index_t at) const {
    std::uint32_t to = out.start[at];
    for_each_in_column(weight, at / out.rows, at % out.rows, [&](index_t row, index_t k) {
      out.column[to] = static_cast<std::uint8_t>(row);
      out.value[to++] = weight.value[k];
    });
  }
};

/// y(t, o) = the dot product of x(t) with row o, plus the bias.
template <class T, class Space, class Value, class Column>
struct CompressedProduct {
  CompressedView<Value, Space, Column> weight;
  MatrixView<const T, Space> x, bias;
  MatrixView<T, Space> y;

  PST_HD void operator()(index_t t, index_t o) const {
    double sum = bias.empty() ? 0.0 : double{bias(0, o)};
    for (index_t panel = 0; panel < weight.panels(); ++panel) {
      const std::uint32_t* const start = weight.row_start(panel, o);
      for (std::uint32_t k = start[0]; k < start[weight.segments]; ++k)
        sum += double{weight.value[k]} * double{x(t, panel * weight.panel_cols + weight.column[k])};
    }
    y(t, o) = static_cast<T>(sum);
  }
};

/// values[k] = (grad_y^T x) at the kept weights of one segment.
template <class T, class Space>
struct SampledProduct {
  CompressedView<T, Space> weight;
  MatrixView<const T, Space> grad_y, x;
  T* values;

  PST_HD void operator()(index_t panel, index_t o) const {
    const std::uint32_t* const start = weight.start + panel * weight.rows + o;
    for (std::uint32_t k = start[0]; k < start[1]; ++k) {
      const index_t c = panel * weight.panel_cols + weight.column[k];
      double sum = 0;
      for (index_t t = 0; t < x.rows; ++t) sum += double{grad_y(t, o)} * double{x(t, c)};
      values[k] += static_cast<T>(sum);
    }
  }
};

/// One row of a tile, from the panels it covers; the tile begins at a panel and was set to zero.
template <class T, class Space>
struct ExpandRow {
  CompressedView<T, Space> weight;
  Tile tile;
  MatrixView<T, Space> out;

  PST_HD void operator()(index_t r) const {
    for (index_t first = 0; first < tile.cols; first += weight.panel_cols) {
      const std::uint32_t* const start =
          weight.start + (tile.col + first) / weight.panel_cols * weight.rows + tile.row + r;
      for (std::uint32_t k = start[0]; k < start[1]; ++k) out(r, first + weight.column[k]) = weight.value[k];
    }
  }
};

}  // namespace pst::PST_ABI::on_thrust
