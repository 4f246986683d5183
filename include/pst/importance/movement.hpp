// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/concepts/importance.hpp"
#include "pst/core/error.hpp"
#include "pst/core/factor.hpp"
#include "pst/core/functors.hpp"

namespace pst::PST_ABI {

/// S += a trained score per weight; dS = G .* W~, so weights that move away from zero gain importance.
///
/// Sanh, Wolf and Rush, "Movement Pruning" (2020). Trains scores as many as the weight has numbers.
///
/// Scores that begin at zero rank by movement alone: the first weights that are pruned are those which the steps until
/// then happened to move least, and a short run may not recover. With `start` scores begin as start abs(W), a ranking
/// by magnitude that movement corrects: it has a say where start abs(W) is no more than what AdamW moves a score by,
/// which is rate x steps for a gradient that keeps its sign, and rate x sqrt(steps) for one of random sign.
/// @ingroup importance
struct Movement {
  using role = roles::importance;
  static constexpr bool learns = true;
  double start = 0.0;  ///< scores begin at this times abs(W), 0 to 1e6; 0 as in the paper

  struct ScaledAbsolute {
    double scale;
    template <class T>
    PST_HD T operator()(T weight) const {
      return static_cast<T>(scale) * (weight < T{0} ? -weight : weight);
    }
  };

  template <class B, class Scalar>
  class State {
   public:
    State(const Movement& metric, B&, const LayerLayout& layout, ViewOn<B, const Scalar>)
        : scores_(layout, layout.shape.in, "score.S", ParameterGroup::score), start_{metric.start} {
      require(metric.start >= 0 && metric.start <= 1e6, "the start of movement's scores is ", metric.start,
              ", expected 0 to ", 1e6);
    }

    void start(B& on, ViewOn<B, const Scalar> weight) {
      if (start_ > 0) on.map(scores_.value(), ScaledAbsolute{start_}, weight);
    }
    void score(B& on, Tile tile, ViewOn<B, const Scalar>, ViewOn<B, Scalar> scores) const {
      on.map(scores, functors::Add{}, scores, tile.cols_of(scores_.value(tile)));
    }
    void backward(B& on, Tile tile, ViewOn<B, const Scalar>, ViewOn<B, const Scalar> grad_scores, ViewOn<B, Scalar>) {
      on.map(tile.cols_of(scores_.grad(tile)), functors::Add{}, tile.cols_of(scores_.grad(tile)), grad_scores);
    }
    void finish_backward(B&) {}
    void for_each_parameter(auto&& visit) { visit(scores_); }
    [[nodiscard]] std::size_t persistent_bytes() const noexcept { return 0; }

   private:
    RowFactor<B, Scalar> scores_;
    double start_;
  };
};

}  // namespace pst::PST_ABI
