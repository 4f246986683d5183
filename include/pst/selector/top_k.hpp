// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "pst/concepts/selector.hpp"
#include "pst/core/functors.hpp"
#include "pst/core/matrix.hpp"
#include "pst/core/order_key.hpp"
#include "pst/core/radix_select.hpp"

namespace pst {

/// Prunes the k = trunc(out * in * sparsity) lowest scores of the whole matrix. Equal scores: the lower row-major index
/// is pruned first, so all backends agree.
///
/// The k-th score is found exactly by histograms of order-preserving bits, 3 passes in float and 6 in double.
/// @ingroup selector
struct TopK {
  using role = roles::selector;
  static constexpr index_t row_multiple = 1;

  template <class B, class Scalar>
  class State {
   public:
    State(const TopK&, B&, const LayerLayout& layout, ViewOn<B, const Scalar>)
        : size_{layout.shape.size()},
          parts_{layout.plan.parts()},
          counts_(parts_, bins),
          host_(static_cast<std::size_t>(parts_ * bins)),
          ties_(static_cast<std::size_t>(parts_)) {}

    void begin(B& on, double sparsity) { begin_count(on, pruned_count(size_, sparsity)); }
    [[nodiscard]] bool wants_pass() const { return select_.searching(); }
    void observe(B& on, RowBlock rows, ViewOn<B, const Scalar> scores) {
      on.histogram(scores, select_.digit(), counts_.view().middle_rows(rows.part, 1));
    }
    void end_pass(B& on) {
      const std::vector<std::int64_t> totals = collect(on);
      choose(on, totals, 0);
    }
    void select(B& on, RowBlock rows, ViewOn<B, const Scalar> scores, MaskOn<B> mask) {
      if (select_.none()) {
        on.fill_mask(mask, functors::True{});
      } else {
        index_t& left = ties_[static_cast<std::size_t>(rows.part)];
        left -= on.prune_lowest(scores, select_.threshold(), left, mask);
      }
    }

   protected:
    static constexpr index_t bins = RadixSelect<OrderKey<Scalar>>::Digit::bins;

    void begin_count(B& on, index_t k) {
      select_.begin(k);
      on.fill(counts_.view(), 0);
    }
    /// The histogram of all parts together.
    [[nodiscard]] std::vector<std::int64_t> collect(B& on) {
      on.copy_out(counts_.view(), MatrixView<std::int64_t>{host_.data(), parts_, bins});
      std::vector<std::int64_t> totals(static_cast<std::size_t>(bins));
      for (std::size_t i = 0; i < host_.size(); ++i) totals[i % totals.size()] += host_[i];
      return totals;
    }
    /// Takes a histogram that may count other matrices too, and shares out the ties if the search is over:
    /// `ties_before` of them are in matrices that come earlier. Returns how many ties this matrix has.
    index_t choose(B& on, const std::vector<std::int64_t>& totals, index_t ties_before) {
      const index_t bin = select_.choose(totals);
      index_t before = ties_before;
      for (index_t part = 0; part < parts_; ++part) {
        const index_t here = host_[static_cast<std::size_t>(part * bins + bin)];
        ties_[static_cast<std::size_t>(part)] = std::clamp(select_.ties() - before, index_t{0}, here);
        before += here;
      }
      on.fill(counts_.view(), 0);
      return before - ties_before;
    }

    index_t size_;

   private:
    index_t parts_;
    RadixSelect<OrderKey<Scalar>> select_;
    Matrix<B, std::int64_t> counts_;  // one histogram a part
    std::vector<std::int64_t> host_;
    std::vector<index_t> ties_;  // how many of its keys equal to the threshold each part still prunes
  };
};

}  // namespace pst
