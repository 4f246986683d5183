// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/concepts/selector.hpp"

namespace pst::PST_ABI {

/// The members of a selector's state that decides every block of rows on its own: no passes.
template <class B, class Scalar>
struct RowLocalSelection {
  double sparsity = 0;

  void begin(B&, double sparsity_now) { sparsity = sparsity_now; }
  [[nodiscard]] bool wants_pass() const { return false; }
  void observe(B&, Tile, ViewOn<B, const Scalar>) {}
  void end_pass(B&) {}
};

}  // namespace pst::PST_ABI
