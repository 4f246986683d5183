// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "pst/concepts/importance.hpp"
#include "pst/core/error.hpp"
#include "pst/core/factor.hpp"
#include "pst/core/functors.hpp"
#include "pst/core/random.hpp"

namespace pst::PST_ABI {

/// Trained scores that are drawn evenly from `least` to `most` at first; where both are 0 they are not drawn.
/// @ingroup importance
struct ScoreRange {
  double least = 0.0, most = 0.0;

  [[nodiscard]] constexpr bool is_drawn() const noexcept { return least != 0 || most != 0; }
  friend bool operator==(const ScoreRange&, const ScoreRange&) = default;
};

/// The scores with which learned masking begins (Zhao et al., 2020): from -a to (a + threshold) / p - a, of which the
/// fraction p = `masked` lies below the threshold. Throws Error unless there are such scores.
/// @ingroup importance
[[nodiscard]] inline ScoreRange masking_range(double threshold = 0.01, double masked = 0.05, double a = 0.02) {
  require(masked > 0 && masked <= 1 && a > 0 && threshold + a > 0, "scores of which ", masked, " lie below ", threshold,
          " are drawn from ", -a, " on, expected a fraction above 0 and up to 1, and a threshold above ", -a);
  return {.least = -a, .most = (a + threshold) / masked - a};
}

/// S += a trained score per weight; dS = G .* W~, so weights that move away from zero gain importance.
///
/// Sanh, Wolf and Rush, "Movement Pruning" (2020). Trains scores as many as the weight has numbers.
///
/// Scores that begin at zero rank by movement alone: the first weights that are pruned are those which the steps until
/// then happened to move least, and a short run may not recover. With `start` scores begin as start abs(W), a ranking
/// by magnitude that movement corrects: it has a say where start abs(W) is no more than what AdamW moves a score by,
/// which is rate x steps for a gradient that keeps its sign, and rate x sqrt(steps) for one of random sign.
///
/// Beside `Frozen`, with the selector `Threshold` and `drawn` from `masking_range`, it is learned masking (Zhao et al.,
/// "Masking as an Efficient Alternative to Finetuning", 2020): the mask alone is learnt, one bit for each weight.
/// @ingroup importance
struct Movement {
  using role = roles::importance;
  static constexpr bool learns = true;
  double start = 0.0;  ///< scores begin at this times abs(W), 0 to 1e6; 0 as in the paper
  ScoreRange drawn{};  ///< or they are drawn by the layer's seed, and do not depend on W

  struct ScaledAbsolute {
    double scale;
    template <class T>
    PST_HD T operator()(T weight) const {
      return static_cast<T>(scale) * (weight < T{0} ? -weight : weight);
    }
  };

  struct Between {
    UniformMatrix around_zero;
    double middle;
    PST_HD double operator()(index_t r, index_t c) const { return middle + around_zero(r, c); }
  };

  template <class B, class Scalar>
  class State {
   public:
    State(const Movement& metric, B&, const LayerLayout& layout, ViewOn<B, const Scalar>)
        : scores_(layout, layout.shape.in, "score.S", ParameterGroup::score),
          start_{metric.start},
          drawn_{metric.drawn},
          seed_{derive_seed(layout.seed, 'S')} {
      require(metric.start >= 0 && metric.start <= 1e6, "the start of movement's scores is ", metric.start,
              ", expected 0 to ", 1e6);
      require(drawn_.least <= drawn_.most && (start_ == 0 || !drawn_.is_drawn()), "movement's scores begin at ", start_,
              " times abs(W) and are drawn from ", drawn_.least, " to ", drawn_.most,
              ", expected one of them, and a range that rises");
    }

    void start(B& on, ViewOn<B, const Scalar> weight) {
      if (start_ > 0) on.map(scores_.value(), ScaledAbsolute{start_}, weight);
      if (!drawn_.is_drawn()) return;
      const UniformMatrix uniform{seed_, scores_.value().cols, (drawn_.most - drawn_.least) / 2};
      on.generate(scores_.value(), Between{uniform, (drawn_.most + drawn_.least) / 2});
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
    ScoreRange drawn_;
    std::uint64_t seed_;
  };
};

}  // namespace pst::PST_ABI
