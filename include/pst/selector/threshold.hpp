// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/selector/row_local_selection.hpp"

namespace pst::PST_ABI {

/// Keeps every weight whose score is above `value`, however many they are. The schedule's sparsity is not used.
/// @ingroup selector
struct Threshold {
  using role = roles::selector;
  static constexpr index_t row_multiple = 1;
  double value = 0.5;

  template <class B, class Scalar>
  class State : public RowLocalSelection<B, Scalar> {
   public:
    struct Above {
      ViewOn<B, const Scalar> scores;
      Scalar value;
      PST_HD bool operator()(index_t r, index_t c) const { return scores(r, c) > value; }
    };

    State(const Threshold& selector, B&, const LayerLayout&, ViewOn<B, const Scalar>)
        : value_{static_cast<Scalar>(selector.value)} {}

    void select(B& on, Tile, ViewOn<B, const Scalar> scores, MaskOn<B> mask) {
      on.fill_mask(mask, Above{scores, value_});
    }

   private:
    Scalar value_;
  };
};

}  // namespace pst::PST_ABI
