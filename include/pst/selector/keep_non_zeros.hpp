// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "pst/core/error.hpp"
#include "pst/core/view.hpp"
#include "pst/selector/row_local_selection.hpp"

namespace pst::PST_ABI {

/// Keeps the weights that are not zero when the layer is attached, for good: what was pruned before stays pruned.
///
/// With LowRank the layer trains W' = M .* (W0 + s U V), M = (W0 != 0), and that is what is merged: an update that
/// never sees the mask and is masked in the end is another, worse one. The schedule's sparsity is not used. The mask is
/// remembered apart from that of the layer: one bit per weight. Refuses a weight without any number but zero.
/// @ingroup selector
struct KeepNonZeros {
  using role = roles::selector;
  static constexpr index_t row_multiple = 1;
  [[nodiscard]] static constexpr bool chooses_once() noexcept { return true; }

  template <class B, class Scalar>
  class State : public RowLocalSelection<B, Scalar> {
   public:
    struct NotZero {
      ViewOn<B, const Scalar> weight;
      PST_HD bool operator()(index_t r, index_t c) const { return weight(r, c) != Scalar{0}; }
    };
    struct Kept {
      ConstMaskOn<B> mask;
      PST_HD bool operator()(index_t r, index_t c) const { return mask(r, c); }
    };

    State(const KeepNonZeros&, B& on, const LayerLayout& layout, ViewOn<B, const Scalar> weight)
        : shape_{layout.shape},
          words_(static_cast<std::size_t>(shape_.out * MaskView<mask_word>::words_for(shape_.in))) {
      on.fill_mask(MaskOn<B>{words_.data(), shape_.out, shape_.in}, NotZero{weight});
      const index_t words = static_cast<index_t>(words_.size());
      std::vector<mask_word> host(words_.size());
      on.copy_out(ViewOn<B, const mask_word>{words_.data(), 1, words}, MatrixView<mask_word>{host.data(), 1, words});
      require(std::any_of(host.begin(), host.end(), [](mask_word word) { return word != 0; }),
              "the non-zeros of a weight are to be kept, but all of its ", shape_.size(),
              " numbers are zero: choose another selector");
    }

    void select(B& on, Tile tile, ViewOn<B, const Scalar>, MaskOn<B> mask) {
      on.fill_mask(mask, Kept{tile.rows_of(ConstMaskOn<B>{words_.data(), shape_.out, shape_.in})});
    }

   private:
    Shape shape_;
    typename B::template buffer<mask_word> words_;
  };
};
static_assert(chooses_once(KeepNonZeros{}));

}  // namespace pst::PST_ABI
