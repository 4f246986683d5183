// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/concepts/selector.hpp"
#include "pst/core/unit_selection.hpp"

namespace pst::PST_ABI {

/// Prunes whole inputs: the trunc(in * sparsity) columns with the lowest sum of scores; equal sums: the lower column
/// first.
/// @ingroup selector
struct Columns {
  using role = roles::selector;
  static constexpr index_t row_multiple = 1;

  template <class B, class Scalar>
  class State : public UnitSelection<B, Scalar> {
    using Units = UnitSelection<B, Scalar>;

   public:
    struct ColumnKept {
      ViewOn<B, const std::uint8_t> kept;
      PST_HD bool operator()(index_t, index_t c) const { return kept(0, c) != 0; }
    };

    State(const Columns&, B&, const LayerLayout& layout, ViewOn<B, const Scalar>)
        : Units(1, layout.shape.in), slices_(layout.plan.parts(), layout.shape.in) {}

    void begin(B& on, double sparsity) {
      Units::begin(on, sparsity);
      on.fill(slices_.view(), Scalar{0});
    }
    void observe(B& on, Tile tile, ViewOn<B, const Scalar> scores) {
      on.column_sums(1.0, scores, slices_.view().middle_rows(tile.part, 1));
    }
    void end_pass(B& on) {
      on.add_slices(slices_.view(), this->unit_scores());
      Units::end_pass(on);
    }
    void select(B& on, Tile, ViewOn<B, const Scalar>, MaskOn<B> mask) {
      on.fill_mask(mask, ColumnKept{this->unit_kept()});
    }

   private:
    Matrix<B, Scalar> slices_;  // sums of the scores, a row for each part
  };
};

}  // namespace pst::PST_ABI
