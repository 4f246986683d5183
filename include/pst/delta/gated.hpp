// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "pst/concepts/delta.hpp"
#include "pst/core/factor.hpp"
#include "pst/core/hard_concrete.hpp"
#include "pst/core/random.hpp"

namespace pst::PST_ABI {

namespace functors {

/// The gradient of a penalty on the chance that gates are open.
struct GatePenaltyGradient {
  double scale;
  template <class T>
  PST_HD T operator()(T alpha) const {
    return static_cast<T>(scale * HardConcrete::chance_slope(double{alpha}));
  }
};

/// z .* w outside of steps, from w and alpha: what is added to the weight, in every bit.
struct RestingChange {
  template <class T>
  PST_HD T operator()(T change, T alpha) const {
    return static_cast<T>(HardConcrete::resting_gate(double{alpha}) * double{change});
  }
};

}  // namespace functors

/// W~ = W0 + z .* w: a change of every weight, behind a gate of its own that learns to close. The first stage of diff
/// pruning (Guo, Rush and Kim 2021), in its plain form: there is no gate for the whole matrix besides.
///
/// w is zero and alpha, the logit of the gates, is 5 at first. In a step of training z is drawn
/// (core/hard_concrete.hpp) by place from the layer's seed and the step; outside of steps, in an evaluation and in what
/// is exported, z is that of u = 1/2: evaluate between steps, for a `refresh` after `begin_step` takes the draw away.
/// With G the gradient of W~
///
///     dw = G .* z        dalpha = G .* w .* dz/dalpha + penalty sigmoid'(alpha - log(-Q / R))
///
/// The penalty, lambda of the authors, sums up over all gates; what it adds is what gradients of a step begin with.
///
/// w and alpha train, two numbers for each weight, in the groups delta and score: the gates need a rate of their own
/// (0.1, beside 5e-5 for w). With Adam that takes more memory than full fine-tuning. Nothing else is stored; z is drawn
/// again wherever it is read, an exponential each. Where W' is dense it is that of w and alpha as they are when it is
/// read, and not as they were at the last refresh. A layer that goes on from a saved state needs the same seed, and
/// name where it has one, to draw the same numbers.
/// @ingroup delta
struct Gated {
  using role = roles::delta;
  static constexpr bool in_place = false;
  static constexpr bool learns = true;
  double penalty = 1.25e-7;  ///< lambda
  double first_gate = 5.0;   ///< alpha at first: 0.7 % of the gates are shut

  template <class B, class Scalar>
  class State {
    using ConstView = ViewOn<B, const Scalar>;
    using MutableView = ViewOn<B, Scalar>;

   public:
    State(const Gated& delta, B&, const LayerLayout& layout, ConstView)
        : change_{layout, layout.shape.in, "delta.w", ParameterGroup::delta},
          alpha_{layout, layout.shape.in, "delta.gate", ParameterGroup::score},
          penalty_{delta.penalty},
          first_gate_{delta.first_gate},
          seed_{derive_seed(layout.seed, 'G')} {}

    void start(B& on, ConstView) { on.fill(alpha_.value(), static_cast<Scalar>(first_gate_)); }
    void draw(DrawnStep step) noexcept { step_ = step; }
    [[nodiscard]] DrawnStep drawn() const noexcept { return step_; }
    void add_penalty(B& on) {
      on.map(alpha_.grad(), functors::GatePenaltyGradient{penalty_}, ConstView{alpha_.value()});
    }

    [[nodiscard]] ConstView effective(B& on, Tile tile, ConstView base, MutableView scratch) const {
      on.sum_terms(scratch, base, terms::Gated<ConstView>{of(change_, tile), openness(tile)});
      return scratch;
    }
    void backward(B& on, Tile tile, ConstView grad_weight) {
      const OpennessAt<ConstView> at = openness(tile);
      const MutableView grad_change = tile.of(change_.grad()), grad_alpha = tile.of(alpha_.grad());
      on.sum_terms(grad_change, ConstView{grad_change}, terms::Gated<ConstView>{grad_weight, at});
      on.sum_terms(grad_alpha, ConstView{grad_alpha}, terms::GateSlope<ConstView>{grad_weight, of(change_, tile), at});
    }
    void finish_backward(B&) {}
    void for_each_parameter(auto&& visit) {
      visit(change_);
      visit(alpha_);
    }
    [[nodiscard]] std::size_t persistent_bytes() const noexcept { return 0; }

   private:
    using Factor = RowFactor<B, Scalar>;

    [[nodiscard]] static ConstView of(const Factor& factor, Tile tile) { return tile.of(ConstView{factor.value()}); }
    [[nodiscard]] OpennessAt<ConstView> openness(Tile tile) const {
      UniformMatrix drawn{.cols = alpha_.cols(), .bound = 0.0};
      if (step_) drawn.seed = mix_bits(seed_ ^ mix_bits(*step_)), drawn.bound = 0.5 - HardConcrete::margin;
      return {of(alpha_, tile), tile.row, tile.col, drawn};
    }

    Factor change_, alpha_;
    double penalty_, first_gate_;
    std::uint64_t seed_;
    DrawnStep step_;
  };
};

}  // namespace pst::PST_ABI
