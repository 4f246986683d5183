// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "pst/core/view.hpp"
#include "support/host_matrix.hpp"

namespace pst::test {

/// A mask on the host whose words are all ones at first, the unused bits too.
class HostMask {
 public:
  HostMask(index_t rows, index_t cols)
      : words_(static_cast<std::size_t>(rows * MaskView<mask_word>::words_for(cols)), ~mask_word{0}),
        rows_{rows},
        cols_{cols} {}
  /// Keeps where `keep(r, c)`; unused bits are zero.
  template <class F>
  HostMask(index_t rows, index_t cols, F&& keep) : HostMask(rows, cols) {
    words_.assign(words_.size(), 0);
    for (index_t r = 0; r < rows; ++r)
      for (index_t c = 0; c < cols; ++c)
        if (keep(r, c)) view().row(r)[c / view().bits] |= mask_word{1} << (c % view().bits);
  }
  [[nodiscard]] MaskView<mask_word> view() { return {words_.data(), rows_, cols_}; }
  [[nodiscard]] MaskView<const mask_word> view() const { return {words_.data(), rows_, cols_}; }
  friend bool operator==(const HostMask&, const HostMask&) = default;

 private:
  std::vector<mask_word> words_;
  index_t rows_, cols_;
};

/// A mask that keeps about `density` of all weights.
[[nodiscard]] inline HostMask random_mask(index_t rows, index_t cols, Draw& draw, double density = 0.5) {
  return HostMask(rows, cols,
                  [&](index_t, index_t) { return static_cast<double>(draw.between(0, 999)) < 1000 * density; });
}
/// Masks that are hard to compress: all or none kept, rows and columns that are empty, the last of each alone.
[[nodiscard]] inline std::vector<HostMask> hard_masks(index_t rows, index_t cols, Draw& draw) {
  return {HostMask(rows, cols, [](index_t, index_t) { return true; }),
          HostMask(rows, cols, [](index_t, index_t) { return false; }),
          HostMask(rows, cols, [](index_t r, index_t c) { return r % 3 == 1 && c % 5 != 2; }),
          HostMask(rows, cols, [&](index_t r, index_t c) { return r == rows - 1 || c == cols - 1; }),
          random_mask(rows, cols, draw, 0.1),
          random_mask(rows, cols, draw, 0.6)};
}

}  // namespace pst::test
