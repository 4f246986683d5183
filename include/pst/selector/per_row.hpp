// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/core/radix_select.hpp"
#include "pst/selector/row_local_selection.hpp"

namespace pst::PST_ABI {

/// Prunes the trunc(in * sparsity) lowest scores of each output row; equal scores: the lower column first.
/// @ingroup selector
struct PerRow {
  using role = roles::selector;
  static constexpr index_t row_multiple = 1;

  template <class B, class Scalar>
  struct State : RowLocalSelection<B, Scalar> {
    State(const PerRow&, B&, const LayerLayout&, ViewOn<B, const Scalar>) {}

    void select(B& on, Tile, ViewOn<B, const Scalar> scores, MaskOn<B> mask) {
      on.prune_lowest_per_row(scores, pruned_count(scores.cols, this->sparsity), mask);
    }
  };
};

}  // namespace pst::PST_ABI
