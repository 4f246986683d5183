// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "pst/core/config.hpp"

namespace pst {

/// Rows that are worked on together: `count` rows from `first` on.
struct RowBlock {
  index_t first = 0;
  index_t count = 0;
  index_t part = 0;  ///< the part of the RowPlan they belong to
  index_t slot = 0;  ///< whose scratch memory may be used
};

/// How the rows of a weight are cut: a fixed number of parts, worked on at the same time, each in blocks one after
/// the other. It depends on the shape alone, never on the number of threads, so sums over parts have a fixed order.
struct RowPlan {
  index_t rows = 0;
  index_t rows_per_part = 1;
  index_t rows_per_block = 1;

  /// Cuts `rows` into at most `parts` parts of blocks of about `block` rows; every cut is a multiple of `multiple`.
  [[nodiscard]] static constexpr RowPlan cut(index_t rows, index_t parts, index_t block, index_t multiple) noexcept {
    const auto round_up = [multiple](index_t n) {
      return std::max(multiple, (n + multiple - 1) / multiple * multiple);
    };
    const index_t per_part = round_up((rows + parts - 1) / std::max<index_t>(parts, 1));
    return {rows, per_part, std::min(per_part, round_up(block))};
  }
  [[nodiscard]] constexpr index_t parts() const noexcept {
    return std::max<index_t>(1, (rows + rows_per_part - 1) / rows_per_part);
  }
  /// Calls `f(RowBlock)` for the blocks of one part, from the first row to the last.
  template <class F>
  constexpr void for_each_block(index_t part, index_t slot, F&& f) const {
    const index_t end = std::min(rows, (part + 1) * rows_per_part);
    for (index_t first = part * rows_per_part; first < end; first += rows_per_block)
      f(RowBlock{first, std::min(rows_per_block, end - first), part, slot});
  }
};

/// What a policy's state needs to know of the layer it is made for.
struct LayerLayout {
  Shape shape;
  RowPlan plan;
  std::uint64_t seed = 0;
};

}  // namespace pst
