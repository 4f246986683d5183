// SPDX-License-Identifier: Apache-2.0
#pragma once

// The kept weights of a tile, gathered in order, eight at a time.
// Work: some instructions for each kept weight and each word of the mask; 4 or 8 bytes read and one more written for
// each kept weight.
// Bound by instructions while the tile is in L2.

#include <algorithm>
#include <bit>
#include <cstdint>

#include "pst/core/compressed.hpp"
#include "pst/core/view.hpp"
#include "pst/core/work_plan.hpp"

namespace pst::eigen_cpu {

/// Appends the weights that one word of a mask keeps, from offset `at` on, and returns what comes after them. Up to
/// `limit`, more than these may be written over.
template <class T>
[[nodiscard]] std::uint32_t compress_word(mask_word word, const T* weight, int column, std::uint32_t at,
                                          std::uint32_t limit, CompressedView<T, HostSpace> out) {
  constexpr std::uint32_t step = 8;  // words differ in how many they keep, but seldom in how many steps that takes
  const auto count = static_cast<std::uint32_t>(std::popcount(word));
  const mask_word last = std::bit_floor(word);
  mask_word left = word;
  if (at + (count + step - 1) / step * step <= limit) {
    for (std::uint32_t i = 0; i < count; i += step)
      for (std::uint32_t j = i; j < i + step; ++j, left &= left - 1) {
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
  constexpr index_t words = out.panel_cols / mask.bits;
  for (index_t r = 0; r < tile.rows; ++r)
    for (index_t panel = 0; panel < out.panels(); ++panel) {
      const std::uint32_t limit = *out.row_start(panel, tile.row + tile.rows);
      std::uint32_t at = *out.row_start(panel, tile.row + r);
      const index_t first = panel * words, end = std::min(first + words, mask.words_per_row);
      for (index_t w = first; w < end; ++w)
        at = compress_word(mask.row(r)[w], weight.row(r) + w * mask.bits, static_cast<int>((w - first) * mask.bits), at,
                           limit, out);
    }
}

}  // namespace pst::eigen_cpu
