// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "pst/concepts/importance.hpp"
#include "pst/core/factor.hpp"
#include "pst/core/functors.hpp"

namespace pst::PST_ABI {

/// S += sigmoid(a trained score per weight), to be used with the selector `Threshold`; the penalty
/// lambda mean(sigmoid(S)) pulls the scores down, and sets the sparsity that is reached.
///
/// A penalty strong enough to reach a sparsity goes on beyond it. With `target_sparsity` it rests in every step that
/// begins with at least this fraction of the sigmoids at 0.5 or below.
///
/// Sanh, Wolf and Rush, "Movement Pruning" (2020); as in their code the straight-through gradient passes the sigmoid
/// unchanged, dS = G .* W~. The penalty's own gradient is what the gradients of a step begin with, unless the scores
/// rest in it. Trains scores as many as the weight has numbers.
/// @ingroup importance
struct SoftMovement {
  using role = roles::importance;
  static constexpr bool learns = true;
  double initial_score = 2.2;    ///< sigmoid(2.2) = 0.9
  double penalty = 0.0;          ///< lambda
  double target_sparsity = 1.0;  ///< 1: the penalty never rests

  struct AddSigmoid {
    template <class T>
    PST_HD T operator()(T score, T logit) const {
      return score + T{1} / (T{1} + std::exp(-logit));
    }
  };
  struct IsOpen {
    template <class T>
    PST_HD T operator()(T logit) const {
      return logit > T{0} ? T{1} : T{0};
    }
  };
  struct PenaltyGradient {
    double scale;
    template <class T>
    PST_HD T operator()(T logit) const {
      const T gate = T{1} / (T{1} + std::exp(-logit));
      return static_cast<T>(scale) * gate * (T{1} - gate);
    }
  };

  template <class B, class Scalar>
  class State {
   public:
    State(const SoftMovement& metric, B&, const LayerLayout& layout, ViewOn<B, const Scalar>)
        : scores_(layout, layout.shape.in, "score.S", ParameterGroup::score),
          all_{0, layout.shape.out, 0, layout.shape.in},
          penalty_{metric.penalty / static_cast<double>(layout.shape.size())},
          most_open_{(1.0 - metric.target_sparsity) * static_cast<double>(layout.shape.size())},
          initial_score_{metric.initial_score} {}

    void start(B& on, ViewOn<B, const Scalar>) { on.fill(scores_.value(), static_cast<Scalar>(initial_score_)); }
    void add_penalty(B& on) {
      const bool rests = most_open_ > 0 && count_open(on) <= most_open_;
      on.map(scores_.grad(all_), PenaltyGradient{rests ? 0.0 : penalty_}, scores_.value(all_));
    }
    void score(B& on, Tile tile, ViewOn<B, const Scalar>, ViewOn<B, Scalar> scores) const {
      on.map(scores, AddSigmoid{}, scores, tile.cols_of(scores_.value(tile)));
    }
    void backward(B& on, Tile tile, ViewOn<B, const Scalar>, ViewOn<B, const Scalar> grad_scores, ViewOn<B, Scalar>) {
      on.map(tile.cols_of(scores_.grad(tile)), functors::Add{}, tile.cols_of(scores_.grad(tile)), grad_scores);
    }
    void finish_backward(B&) {}
    void for_each_parameter(auto&& visit) { visit(scores_); }
    [[nodiscard]] std::size_t persistent_bytes() const noexcept { return 0; }

   private:
    /// Sigmoids above 0.5; the gradient is lost.
    double count_open(B& on) {
      on.map(scores_.grad(all_), IsOpen{}, scores_.value(all_));
      return on.squared_norm(scores_.grad(all_));
    }

    RowFactor<B, Scalar> scores_;
    Tile all_;
    double penalty_, most_open_, initial_score_;
  };
};

}  // namespace pst::PST_ABI
