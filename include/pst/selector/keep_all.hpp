// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/core/functors.hpp"
#include "pst/selector/row_local_selection.hpp"

namespace pst::PST_ABI {

/// Prunes nothing. The schedule's sparsity is not used. The plainest policy of its axis.
/// @ingroup selector
struct KeepAll {
  using role = roles::selector;
  static constexpr index_t row_multiple = 1;
  [[nodiscard]] static constexpr bool chooses_once() noexcept { return true; }

  template <class B, class Scalar>
  struct State : RowLocalSelection<B, Scalar> {
    State(const KeepAll&, B&, const LayerLayout&, ViewOn<B, const Scalar>) {}

    void select(B& on, Tile, ViewOn<B, const Scalar>, MaskOn<B> mask) { on.fill_mask(mask, functors::True{}); }
  };
};
static_assert(chooses_once(KeepAll{}));

}  // namespace pst::PST_ABI
