// SPDX-License-Identifier: Apache-2.0
#pragma once

// The kept weights of a tile, gathered in order, and the transpose of what was gathered.
// Work: some ten instructions for each kept weight; 5 or 9 bytes written, in the transpose as many read before.
// Bound by instructions and by the cache lines that are written, which come from L3 or memory.

#include <algorithm>
#include <bit>
#include <cstdint>
#include <utility>

#include "pst/core/compressed.hpp"
#include "pst/core/view.hpp"
#include "pst/core/work_plan.hpp"

namespace pst::PST_ABI::PST_ISA::eigen_cpu {

/// Has the cache lines ready that will be written from one offset to another.
template <class T>
void expect_writes(CompressedView<T, HostSpace> out, std::uint32_t begin, std::uint32_t end) {
  constexpr std::uint32_t line = 64;
  for (std::uint32_t k = begin; k < end; k += line / sizeof(T)) __builtin_prefetch(out.value + k, 1);
  for (std::uint32_t k = begin; k < end; k += line) __builtin_prefetch(out.column + k, 1);
}

/// Appends the weights that one word of a mask keeps, from offset `at` on, and returns what comes after them. Up to
/// `limit`, more than these may be written over.
template <class T>
[[nodiscard]] std::uint32_t compress_word(mask_word word, const T* weight, int column, std::uint32_t at,
                                          std::uint32_t limit, CompressedView<T, HostSpace> out) {
  constexpr std::uint32_t group = 8;  // words differ in how many they keep, but seldom in how many groups that takes
  const auto count = static_cast<std::uint32_t>(std::popcount(word));
  const mask_word last = std::bit_floor(word);
  mask_word left = word;
  if (at + (count + group - 1) / group * group <= limit) {
    for (std::uint32_t i = 0; i < count; i += group)
      for (std::uint32_t j = i; j < i + group; ++j, left &= left - 1) {
        const int bit = std::countr_zero(left | last);
        out.column[at + j] = static_cast<std::uint8_t>(column + bit);
        out.value[at + j] = weight[bit];
      }
  } else {
    for (std::uint32_t j = 0; j < count; ++j, left &= left - 1) {
      const int bit = std::countr_zero(left);
      out.column[at + j] = static_cast<std::uint8_t>(column + bit);
      out.value[at + j] = weight[bit];
    }
  }
  return at + count;
}
/// What Reference::compress does: rows in order, so that what is written over belongs to rows that come later.
template <class T>
void compress(MatrixView<const T> weight, MaskView<const mask_word> mask, Tile tile, CompressedView<T, HostSpace> out) {
  for (index_t first = 0; first < tile.cols; first += out.panel_cols) {
    const index_t panel = (tile.col + first) / out.panel_cols, end = std::min(first + out.panel_cols, tile.cols);
    const std::uint32_t limit = *out.row_start(panel, tile.row + tile.rows);
    expect_writes(out, *out.row_start(panel, tile.row), limit);
    for (index_t r = 0; r < tile.rows; ++r) {
      std::uint32_t at = *out.row_start(panel, tile.row + r);
      for (index_t c = first; c < end; c += mask.bits)
        at = compress_word(mask.row(r)[c / mask.bits], weight.row(r) + c, static_cast<int>(c - first), at, limit, out);
    }
  }
}
/// What Reference::transpose_square does.
template <class T>
void transpose_square(CompressedView<T, HostSpace> weight, index_t from, index_t to, std::uint32_t first,
                      CompressedView<T, HostSpace> out) {
  const index_t count = out.cols_of(to), cols = weight.cols_of(from);
  const std::uint32_t* const rows = weight.row_start(from, to * out.panel_cols);
  std::uint32_t* const start = out.row_start(to, from * weight.panel_cols) + 1;  // each moves to its end
  expect_writes(out, first, first + rows[count] - rows[0]);
  std::fill_n(start, cols, 0U);
  for (std::uint32_t k = rows[0]; k < rows[count]; ++k) ++start[weight.column[k]];
  for (index_t c = 0; c < cols; ++c) first += std::exchange(start[c], first);
  for (index_t r = 0; r < count; ++r)
    for (std::uint32_t k = rows[r]; k < rows[r + 1]; ++k) {
      const std::uint32_t at = start[weight.column[k]]++;
      out.column[at] = static_cast<std::uint8_t>(r);
      out.value[at] = weight.value[k];
    }
}

}  // namespace pst::PST_ABI::PST_ISA::eigen_cpu
