// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/concepts/selector.hpp"
#include "pst/core/unit_selection.hpp"

namespace pst::PST_ABI {

/// Prunes whole tiles of R rows and C columns: the trunc(tiles * sparsity) lowest by the sum of their scores; equal
/// sums: the lower row-major tile first.
///
/// A tile cut off by the matrix's edge is ranked by its mean times R C, and counts as one tile. Stores one score per
/// tile.
/// @ingroup selector
template <index_t R, index_t C>
struct Block {
  static_assert(R > 0 && C > 0, "a tile has at least one row and one column");
  using role = roles::selector;
  static constexpr index_t row_multiple = R;

  template <class B, class Scalar>
  class State : public UnitSelection<B, Scalar> {
   public:
    struct TileSum {
      ViewOn<B, const Scalar> scores;
      PST_HD Scalar operator()(index_t tile_row, index_t tile_col) const {
        const index_t last_row = (tile_row + 1) * R < scores.rows ? (tile_row + 1) * R : scores.rows;
        const index_t last_col = (tile_col + 1) * C < scores.cols ? (tile_col + 1) * C : scores.cols;
        const index_t size = (last_row - tile_row * R) * (last_col - tile_col * C);
        double sum = 0;
        for (index_t r = tile_row * R; r < last_row; ++r)
          for (index_t c = tile_col * C; c < last_col; ++c) sum += static_cast<double>(scores(r, c));
        return static_cast<Scalar>(sum * static_cast<double>(R * C) / static_cast<double>(size));
      }
    };
    struct TileKept {
      ViewOn<B, const std::uint8_t> kept;
      index_t first_row;
      PST_HD bool operator()(index_t r, index_t c) const { return kept((first_row + r) / R, c / C) != 0; }
    };

    State(const Block&, B&, const LayerLayout& layout, ViewOn<B, const Scalar>)
        : UnitSelection<B, Scalar>((layout.shape.out + R - 1) / R, (layout.shape.in + C - 1) / C) {}

    void observe(B& on, Tile tile, ViewOn<B, const Scalar> scores) {
      on.generate(this->unit_scores().middle_rows(tile.row / R, (tile.rows + R - 1) / R), TileSum{scores});
    }
    void select(B& on, Tile tile, ViewOn<B, const Scalar>, MaskOn<B> mask) {
      on.fill_mask(mask, TileKept{this->unit_kept(), tile.row});
    }
  };
};

}  // namespace pst::PST_ABI
