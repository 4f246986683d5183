// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "pst/core/error.hpp"
#include "pst/core/radix_select.hpp"
#include "pst/selector/row_local_selection.hpp"

namespace pst::PST_ABI {

/// Keeps the N largest scores of every M neighbouring inputs of a row (N:M sparsity, 2:4 by default); equal scores: the
/// lower column is pruned first.
///
/// While the schedule's sparsity s is below 1 - N / M, M - trunc(M s) are kept, so the pattern tightens step by step.
/// The number of inputs must be a multiple of M.
/// @ingroup selector
template <index_t N = 2, index_t M = 4>
struct NofM {
  static_assert(0 < N && N <= M && M <= 64, "N:M needs 0 < N <= M <= 64");
  using role = roles::selector;
  static constexpr index_t row_multiple = 1;

  template <class B, class Scalar>
  struct State : RowLocalSelection<B, Scalar> {
    struct AmongLargest {
      ViewOn<B, const Scalar> scores;
      index_t pruned;
      PST_HD bool operator()(index_t r, index_t c) const {
        const Scalar own = scores(r, c);
        const index_t first = c - c % M;
        index_t below = 0;
        for (index_t other = first; other < first + M; ++other) {
          const Scalar score = scores(r, other);
          if (score < own || (score == own && other < c)) ++below;
        }
        return below >= pruned;
      }
    };

    State(const NofM&, B&, const LayerLayout& layout, ViewOn<B, const Scalar>) {
      require(layout.shape.in % M == 0, "NofM<", N, ", ", M, "> needs a multiple of ", M, " inputs, the layer has ",
              layout.shape.in);
    }

    void select(B& on, Tile, ViewOn<B, const Scalar> scores, MaskOn<B> mask) {
      on.fill_mask(mask, AmongLargest{scores, std::min(pruned_count(M, this->sparsity), M - N)});
    }
  };
};

}  // namespace pst::PST_ABI
