// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "pst/concepts/selector.hpp"
#include "pst/core/functors.hpp"
#include "pst/core/matrix.hpp"
#include "pst/core/order_key.hpp"
#include "pst/core/radix_select.hpp"
#include "pst/core/threshold_guess.hpp"

namespace pst::PST_ABI {

/// Prunes the k = trunc(out * in * sparsity) lowest scores of the whole matrix. Equal scores: the lower row-major index
/// is pruned first, so all backends agree.
///
/// The k-th score is found exactly by histograms of order-preserving bits, 3 passes in float and 6 in double. After the
/// first time one pass is enough as a rule: it collects the few scores around where the k-th is expected, and the
/// histograms are of these alone.
/// @ingroup selector
struct TopK {
  using role = roles::selector;
  static constexpr index_t row_multiple = 1;

  template <class B, class Scalar>
  class State {
    using Key = OrderKey<Scalar>;
    using Counts = MatrixView<std::int64_t>;

   public:
    State(const TopK&, B&, const LayerLayout& layout, ViewOn<B, const Scalar>)
        : size_{layout.shape.size()},
          parts_{layout.plan.parts()},
          counts_(parts_, bins),
          near_(parts_, layout.plan.rows_per_part * layout.shape.in / 128 + 64),
          host_(static_cast<std::size_t>(parts_ * bins)),
          totals_(static_cast<std::size_t>(bins)),
          held_(static_cast<std::size_t>(parts_)),
          ties_(static_cast<std::size_t>(parts_)) {}

    void begin(B& on, double sparsity) { begin_count(on, pruned_count(size_, sparsity)); }
    [[nodiscard]] bool wants_pass() const { return select_.searching(); }
    void observe(B& on, Tile tile, ViewOn<B, const Scalar> scores) {
      const ViewOn<B, std::int64_t> counts = counts_.view().middle_rows(tile.part, 1);
      if (guessing_)
        on.collect(scores, guess_.range(), near_.view().middle_rows(tile.part, 1), counts);
      else
        on.histogram(scores, select_.digit(), counts);
    }
    void end_pass(B& on) {
      State* const self = this;
      end_pass_of(on, std::span<State* const>{&self, 1});
    }
    void select(B& on, Tile tile, ViewOn<B, const Scalar> scores, MaskOn<B> mask) {
      if (select_.none()) {
        on.fill_mask(mask, functors::True{});
      } else {
        index_t& left = ties_[static_cast<std::size_t>(tile.part)];
        left -= on.prune_lowest(scores, select_.threshold(), left, mask);
      }
    }

   protected:
    void begin_count(B& on, index_t k) {
      select_.begin(k);
      guessing_ = select_.searching() && guess_.trusted();
      filled_.reset();
      begin_pass(on);
    }
    /// Ends a pass over all of `states`, which search for one threshold; ties are pruned in the first of them first.
    template <class States>
    static void end_pass_of(B& on, const States& states) {
      if (!states.front()->guessing_) {
        choose(on, states);
      } else if (narrow(on, states)) {
        settle(on, states);
      }
      for (State* state : states) state->begin_pass(on);
    }

    index_t size_;
    ThresholdGuess<Key> guess_;

   private:
    static constexpr index_t bins = RadixDigit<Key>::bins;

    void begin_pass(B& on) {
      if (select_.searching()) on.fill(guessing_ ? counts_.view().middle_cols(0, 2) : counts_.view(), 0);
    }
    /// Takes a histogram of all scores, and shares out the ties if the search is over.
    template <class States>
    static void choose(B& on, const States& states) {
      std::vector<std::int64_t>& totals = states.front()->begin_totals();
      for (State* state : states) state->fetch(on, state->counts_.view(), totals);
      index_t ties_before = 0;
      for (State* state : states) ties_before += state->share_ties(state->select_.choose(totals), ties_before);
    }
    /// Takes the counts around the guess. True when all scores that matter are among those collected.
    template <class States>
    static bool narrow(B& on, const States& states) {
      index_t below = 0, inside = 0;
      double filled = 0;
      for (State* state : states) {
        const Counts counts = state->fetch(on, state->counts_.view().middle_cols(0, 2));
        for (index_t part = 0; part < state->parts_; ++part) {
          const index_t held = counts(part, 1);
          below += counts(part, 0);
          inside += held;
          filled = std::max(filled, static_cast<double>(held) / static_cast<double>(state->near_.view().cols));
          state->held_[static_cast<std::size_t>(part)] = held;
        }
      }
      bool found = false;
      for (State* state : states) {
        found = state->select_.narrow(state->guess_.range(), below, inside);
        state->guessing_ = false;
        state->filled_ = filled;
      }
      return found && filled <= 1;
    }
    /// Ends the search among the scores that were collected.
    template <class States>
    static void settle(B& on, const States& states) {
      while (states.front()->select_.searching()) {
        std::vector<std::int64_t>& totals = states.front()->begin_totals();
        for (State* state : states) {
          const ViewOn<B, std::int64_t> counts = state->counts_.view().middle_rows(0, 1);
          on.fill(counts, 0);
          for (index_t part = 0; part < state->parts_; ++part)
            on.histogram(state->collected(part), state->select_.digit(), counts);
          state->fetch(on, counts, totals);
        }
        for (State* state : states) state->select_.choose(totals);
      }
      index_t ties_before = 0;
      for (State* state : states) {
        const RadixDigit<Key> threshold{{state->select_.threshold(), state->select_.threshold()}};
        const ViewOn<B, std::int64_t> counts = state->counts_.view().middle_cols(0, 1);
        on.fill(counts, 0);
        for (index_t part = 0; part < state->parts_; ++part)
          on.histogram(state->collected(part), threshold, counts.middle_rows(part, 1));
        state->fetch(on, counts);
        ties_before += state->share_ties(0, ties_before);
      }
    }
    [[nodiscard]] ViewOn<B, const Scalar> collected(index_t part) {
      return near_.view().middle_rows(part, 1).middle_cols(0, held_[static_cast<std::size_t>(part)]);
    }
    /// Takes counts to the host.
    Counts fetch(B& on, ViewOn<B, std::int64_t> counts) {
      const Counts host{host_.data(), counts.rows, counts.cols, bins};
      on.copy_out(counts, host);
      return host;
    }
    /// Adds them to `totals`, too.
    void fetch(B& on, ViewOn<B, std::int64_t> counts, std::vector<std::int64_t>& totals) {
      const Counts host = fetch(on, counts);
      for (index_t r = 0; r < host.rows; ++r)
        for (index_t bin = 0; bin < bins; ++bin) totals[static_cast<std::size_t>(bin)] += host(r, bin);
    }
    [[nodiscard]] std::vector<std::int64_t>& begin_totals() {
      std::fill(totals_.begin(), totals_.end(), 0);
      return totals_;
    }
    /// Shares out the ties, if the search is over: the host has counted them in one bin of each part, and `before` of
    /// them are in states that come earlier. Returns how many there are here.
    index_t share_ties(index_t bin, index_t before) {
      if (select_.searching()) return 0;
      guess_.learn(select_.threshold(), filled_);
      index_t all = 0;
      for (index_t part = 0; part < parts_; ++part) {
        const index_t here = host_[static_cast<std::size_t>(part * bins + bin)];
        ties_[static_cast<std::size_t>(part)] = std::clamp(select_.ties() - before - all, index_t{0}, here);
        all += here;
      }
      return all;
    }

    index_t parts_;
    RadixSelect<Key> select_;
    bool guessing_ = false;                    // the next pass collects scores around the guess
    std::optional<double> filled_;             // how much of its part of `near_` the guess filled where it was most
    Matrix<B, std::int64_t> counts_;           // of each part: a histogram, or how many are below the guess and in it
    Matrix<B, Scalar> near_;                   // of each part: the scores in the guess
    std::vector<std::int64_t> host_, totals_;  // bins of each part, and of all together
    std::vector<index_t> held_;                // how many scores each part has collected
    std::vector<index_t> ties_;                // how many of its keys equal to the threshold each part still prunes
  };
};

}  // namespace pst::PST_ABI
