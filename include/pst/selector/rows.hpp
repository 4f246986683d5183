// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/concepts/selector.hpp"
#include "pst/core/unit_selection.hpp"

namespace pst::PST_ABI {

/// Prunes whole outputs: the trunc(out * sparsity) rows with the lowest sum of scores; equal sums: the lower row first.
/// @ingroup selector
struct Rows {
  using role = roles::selector;
  static constexpr index_t row_multiple = 1;

  template <class B, class Scalar>
  class State : public UnitSelection<B, Scalar> {
   public:
    struct RowKept {
      ViewOn<B, const std::uint8_t> kept;
      PST_HD bool operator()(index_t r, index_t) const { return kept(r, 0) != 0; }
    };

    State(const Rows&, B&, const LayerLayout& layout, ViewOn<B, const Scalar>)
        : UnitSelection<B, Scalar>(layout.shape.out, 1) {}

    void observe(B& on, Tile tile, ViewOn<B, const Scalar> scores) {
      on.row_sums(1.0, scores, this->unit_scores().middle_rows(tile.row, tile.rows));
    }
    void select(B& on, Tile tile, ViewOn<B, const Scalar>, MaskOn<B> mask) {
      on.fill_mask(mask, RowKept{this->unit_kept().middle_rows(tile.row, tile.rows)});
    }
  };
};

}  // namespace pst::PST_ABI
