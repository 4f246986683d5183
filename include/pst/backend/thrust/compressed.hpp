// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <thrust/binary_search.h>
#include <thrust/execution_policy.h>

#include <cstdint>

#include "pst/backend/thrust/masks.hpp"
#include "pst/core/compressed.hpp"

// What the verbs of the compressed weight do for one row of the weight, or for one number of an activation.
namespace pst::on_thrust {

/// The kept weights of a row.
template <class Space>
struct KeptInRow {
  ConstWords<Space> mask;
  PST_HD index_t operator()(index_t r) const {
    index_t kept = 0;
    for (index_t w = 0; w < mask.words_per_row; ++w) kept += count_ones(mask.row(r)[w]);
    return kept;
  }
};

template <class T, class Space>
struct CompressRow {
  MatrixView<const T, Space> weight;
  ConstWords<Space> mask;
  index_t first;  ///< the row of `out` that row 0 of `weight` is
  CompressedView<T, Space> out;

  PST_HD void operator()(index_t r) const {
    index_t at = out.row_start[first + r];
    for (index_t c = 0; c < weight.cols; ++c)
      if (mask(r, c)) {
        out.column[at] = static_cast<std::uint32_t>(c);
        out.value[at++] = weight(r, c);
      }
  }
};

/// y(t, o) = the dot product of x(t) with row o, plus the bias.
template <class T, class Space>
struct CompressedForward {
  CompressedView<T, Space> weight;
  MatrixView<const T, Space> x, bias;
  MatrixView<T, Space> y;

  PST_HD void operator()(index_t t, index_t o) const {
    double sum = bias.empty() ? 0.0 : double{bias(0, o)};
    for (index_t p = weight.row_start[o]; p < weight.row_start[o + 1]; ++p)
      sum += double{weight.value[p]} * double{x(t, weight.column[p])};
    y(t, o) = static_cast<T>(sum);
  }
};

/// grad_x(t, c) = the dot product of grad_y(t) with column c, which is looked up in every row. Rows alone are stored;
/// this needs neither memory nor atomic additions, whose order is never the same.
template <class T, class Space>
struct CompressedBackward {
  CompressedView<T, Space> weight;
  MatrixView<const T, Space> grad_y;
  MatrixView<T, Space> grad_x;

  PST_HD void operator()(index_t t, index_t c) const {
    const auto wanted = static_cast<std::uint32_t>(c);
    double sum = 0;
    for (index_t o = 0; o < weight.rows; ++o) {
      const std::uint32_t* const first = weight.column + weight.row_start[o];
      const std::uint32_t* const end = weight.column + weight.row_start[o + 1];
      const std::uint32_t* const found = thrust::lower_bound(thrust::seq, first, end, wanted);
      if (found != end && *found == wanted) sum += double{weight.value[found - weight.column]} * double{grad_y(t, o)};
    }
    grad_x(t, c) = static_cast<T>(sum);
  }
};

}  // namespace pst::on_thrust
