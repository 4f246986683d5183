// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/concepts/importance.hpp"
#include "pst/core/terms.hpp"

namespace pst::PST_ABI {

/// S += abs(W~). Nothing is stored and nothing is learnt. The plainest policy of its axis: copy it to write your own.
/// @ingroup importance
struct Magnitude {
  using role = roles::importance;
  static constexpr bool learns = false;

  template <class B, class Scalar>
  struct State {
    State(const Magnitude&, B&, const LayerLayout&, ViewOn<B, const Scalar>) {}

    template <class Weight>
    [[nodiscard]] auto score_terms(Tile, const Weight& weight) const {
      return std::tuple{terms::Absolute<Weight>{weight}};
    }
    void score(B& on, Tile tile, ViewOn<B, const Scalar> weight, ViewOn<B, Scalar> scores) const {
      terms::add_to(on, scores, score_terms(tile, weight));
    }
    /// dW~ += dS .* sign(W~)
    void backward(B& on, Tile, ViewOn<B, const Scalar> weight, ViewOn<B, const Scalar> grad_scores,
                  ViewOn<B, Scalar> grad_weight) {
      using In = ViewOn<B, const Scalar>;
      on.sum_terms(grad_weight, In{grad_weight}, terms::SignedAs<In, In>{grad_scores, weight});
    }
    void finish_backward(B&) {}
    void for_each_parameter(auto&&) {}
    [[nodiscard]] std::size_t persistent_bytes() const noexcept { return 0; }
  };
};

}  // namespace pst::PST_ABI
