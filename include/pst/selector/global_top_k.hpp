// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "pst/selector/top_k.hpp"

namespace pst::PST_ABI {

/// Prunes the lowest scores of many layers together, with one budget: k = trunc(sum of out * in * sparsity).
/// Equal scores: the earlier layer, then the lower row-major index is pruned first.
///
/// Layers that share a budget take their step together, by `begin_step_together`; alone, a layer ranks itself as
/// TopK does.
/// @ingroup selector
struct GlobalTopK {
  using role = roles::selector;
  static constexpr index_t row_multiple = TopK::row_multiple;

  template <class B, class Scalar>
  class State : public TopK::State<B, Scalar> {
    using Alone = TopK::State<B, Scalar>;

   public:
    State(const GlobalTopK&, B& on, const LayerLayout& layout, ViewOn<B, const Scalar> weight)
        : Alone(TopK{}, on, layout, weight) {}

    /// Starts the search for one budget over all of `states`, which guess what the first of them does.
    static void begin_together(B& on, std::span<State* const> states, double sparsity) {
      index_t size = 0;
      for (const State* state : states) size += state->size_;
      for (State* state : states) {
        state->guess_ = states.front()->guess_;
        state->begin_count(on, pruned_count(size, sparsity));
      }
    }
    /// Ends a pass over all of `states`.
    static void end_pass_together(B& on, std::span<State* const> states) { Alone::end_pass_of(on, states); }
  };
};

}  // namespace pst::PST_ABI
