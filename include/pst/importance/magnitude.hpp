// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/concepts/importance.hpp"

namespace pst {

/// S += abs(W~). Nothing is stored and nothing is learnt. The plainest policy of its axis: copy it to write your own.
/// @ingroup importance
struct Magnitude {
  using role = roles::importance;

  struct AddMagnitude {
    template <class T>
    PST_HD T operator()(T score, T weight) const {
      return score + (weight < 0 ? -weight : weight);
    }
  };
  struct AddSigned {
    template <class T>
    PST_HD T operator()(T grad_weight, T grad_score, T weight) const {
      return grad_weight + (weight > 0 ? grad_score : weight < 0 ? -grad_score : T{0});
    }
  };

  template <class B, class Scalar>
  struct State {
    State(const Magnitude&, B&, const LayerLayout&, ViewOn<B, const Scalar>) {}

    void begin_step(B&) {}
    void score(B& on, RowBlock, ViewOn<B, const Scalar> weight, ViewOn<B, Scalar> scores) const {
      on.map(scores, AddMagnitude{}, scores, weight);
    }
    /// dW~ += dS .* sign(W~)
    void backward(B& on, RowBlock, ViewOn<B, const Scalar> weight, ViewOn<B, const Scalar> grad_scores,
                  ViewOn<B, Scalar> grad_weight) {
      on.map(grad_weight, AddSigned{}, grad_weight, grad_scores, weight);
    }
    void finish_backward(B&) {}
    void for_each_parameter(auto&&) {}
    [[nodiscard]] std::size_t persistent_bytes() const noexcept { return 0; }
  };
};

}  // namespace pst
