// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "pst/core/config.hpp"
#include "pst/core/function_ref.hpp"

namespace pst::PST_ABI {

/// A rectangle of the weight that is worked on at once.
struct Tile {
  index_t row = 0;  ///< the first of `rows` rows
  index_t rows = 0;
  index_t col = 0;  ///< the first of `cols` columns
  index_t cols = 0;
  index_t part = 0;  ///< the part of the WorkPlan it belongs to
  index_t slot = 0;  ///< whose scratch memory may be used

  /// The tile's part of something as large as the weight, a MatrixView or a MaskView.
  template <class View>
  [[nodiscard]] constexpr View of(View whole) const {
    return whole.middle_rows(row, rows).middle_cols(col, cols);
  }
  /// The tile's part of something with as many rows as the weight.
  template <class View>
  [[nodiscard]] constexpr View rows_of(View whole) const {
    return whole.middle_rows(row, rows);
  }
  /// The tile's part of something with as many columns as the weight.
  template <class View>
  [[nodiscard]] constexpr View cols_of(View whole) const {
    return whole.middle_cols(col, cols);
  }
};

/// What is called with each part of some work, and a slot of scratch memory that no other part has meanwhile.
using PartFunction = FunctionRef<void(index_t part, index_t slot)>;
/// What is called with each tile.
using TileFunction = FunctionRef<void(const Tile& tile)>;

/// How a weight is cut: a fixed number of parts, worked on at the same time, each a range of rows. A part is worked on
/// one tile after the other: in blocks of whole rows where scores are ranked, and in smaller tiles where the gradient
/// is formed, so that all scratch memory stays in a core's cache.
///
/// It depends on the shape alone, never on the number of threads, so sums over parts have a fixed order.
struct WorkPlan {
  /// Tiles begin at multiples of so many columns, where a panel of the compressed weight begins.
  static constexpr index_t column_multiple = 256;

  Shape shape;
  index_t rows_per_part = 1;
  index_t rows_per_block = 1;
  index_t rows_per_tile = 1;
  index_t cols_per_tile = column_multiple;

  /// Cuts into at most `parts` parts of blocks of about `block` rows and tiles of about `tile` (out x in); every cut of
  /// the rows is a multiple of `multiple`.
  [[nodiscard]] static constexpr WorkPlan cut(Shape shape, index_t parts, index_t block, Shape tile,
                                              index_t multiple) noexcept {
    const auto up = [](index_t n, index_t m) { return std::max(m, (n + m - 1) / m * m); };
    const index_t per_part = up((shape.out + parts - 1) / std::max<index_t>(parts, 1), multiple);
    return {shape, per_part, std::min(per_part, up(block, multiple)), std::min(per_part, up(tile.out, multiple)),
            std::min(up(tile.in, column_multiple), up(shape.in, column_multiple))};
  }
  /// One part, which is one tile.
  [[nodiscard]] static constexpr WorkPlan whole(Shape shape, index_t multiple = 1) noexcept {
    return cut(shape, 1, shape.out, shape, multiple);
  }
  [[nodiscard]] constexpr index_t parts() const noexcept {
    return std::max<index_t>(1, (shape.out + rows_per_part - 1) / rows_per_part);
  }
  /// The weights of the largest tile.
  [[nodiscard]] constexpr index_t tile_size() const noexcept {
    return std::max(rows_per_block * shape.in, rows_per_tile * std::min(cols_per_tile, shape.in));
  }
  /// Calls `f(Tile)` for the blocks of whole rows of one part, from the first row to the last.
  void for_each_block(index_t part, index_t slot, TileFunction f) const {
    cut_part(part, slot, rows_per_block, std::max<index_t>(shape.in, 1), f);
  }
  /// Calls `f(Tile)` for the same rows, each block cut into tiles.
  void for_each_tile_of_blocks(index_t part, index_t slot, TileFunction f) const {
    cut_part(part, slot, rows_per_block, cols_per_tile, f);
  }
  /// Calls `f(Tile)` for the tiles of one part, row by row.
  void for_each_tile(index_t part, index_t slot, TileFunction f) const {
    cut_part(part, slot, rows_per_tile, cols_per_tile, f);
  }
  /// How many columns of tiles there are.
  [[nodiscard]] constexpr index_t strips() const noexcept { return (shape.in + cols_per_tile - 1) / cols_per_tile; }
  /// Calls `f(Tile)` for the tiles of one column of tiles, from the first row to the last.
  void for_each_tile_of_strip(index_t strip, index_t slot, TileFunction f) const {
    const index_t col = strip * cols_per_tile, cols = std::min(cols_per_tile, shape.in - col);
    for (index_t row = 0; row < shape.out; row += rows_per_tile)
      f(Tile{row, std::min(rows_per_tile, shape.out - row), col, cols, row / rows_per_part, slot});
  }

 private:
  void cut_part(index_t part, index_t slot, index_t rows, index_t cols, TileFunction f) const {
    const index_t end = std::min(shape.out, (part + 1) * rows_per_part);
    for (index_t row = part * rows_per_part; row < end; row += rows)
      for (index_t col = 0; col < shape.in; col += cols)
        f(Tile{row, std::min(rows, end - row), col, std::min(cols, shape.in - col), part, slot});
  }
};

/// What a policy's state needs to know of the layer it is made for.
struct LayerLayout {
  WorkPlan plan;
  std::uint64_t seed = 0;
  bool weight_is_transposed = false;  ///< its columns are contiguous in memory, and its rows are not
  Shape shape = plan.shape;
};

}  // namespace pst::PST_ABI
