// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/concepts/importance.hpp"
#include "pst/core/factor.hpp"
#include "pst/core/functors.hpp"

namespace pst {

/// S += a trained score per weight; dS = G .* W~, so weights that move away from zero gain importance.
///
/// Sanh, Wolf and Rush, "Movement Pruning" (2020). Stores scores and gradients as large as the weight.
/// @ingroup importance
struct Movement {
  using role = roles::importance;

  template <class B, class Scalar>
  class State {
   public:
    State(const Movement&, B&, const LayerLayout& layout, ViewOn<B, const Scalar>) : scores_(layout, layout.shape.in) {}

    void begin_step(B& on) { scores_.begin_step(on); }
    void score(B& on, Tile tile, ViewOn<B, const Scalar>, ViewOn<B, Scalar> scores) const {
      on.map(scores, functors::Add{}, scores, tile.cols_of(scores_.value(tile)));
    }
    void backward(B& on, Tile tile, ViewOn<B, const Scalar>, ViewOn<B, const Scalar> grad_scores, ViewOn<B, Scalar>) {
      on.map(tile.cols_of(scores_.grad(tile)), functors::Add{}, tile.cols_of(scores_.grad(tile)), grad_scores);
    }
    void finish_backward(B&) {}
    void for_each_parameter(auto&& visit) { visit(scores_.parameter("score.S", ParameterGroup::score)); }
    [[nodiscard]] std::size_t persistent_bytes() const noexcept { return scores_.bytes(); }

   private:
    RowFactor<B, Scalar> scores_;
  };
};

}  // namespace pst
