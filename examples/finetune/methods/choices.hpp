// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/policies.hpp>

#include <string>
#include <variant>

namespace finetune {

// Policies that a command line chooses, where the library has a type for each: so every method is compiled once.

/// One of the library's sparsity schedules.
struct ScheduleChoice {
  using role = pst::roles::schedule;
  std::variant<pst::CubicSchedule, pst::LinearSchedule, pst::ConstantSchedule> policy{};

  [[nodiscard]] double sparsity_at(double step, double steps = 1.0) const {
    return std::visit([&](const auto& chosen) { return chosen.sparsity_at(step, steps); }, policy);
  }
};
static_assert(pst::SparsitySchedule<ScheduleChoice>);

/// What a weight learns directly. Whether it learns through its score as well is `WeightScore::detached`.
struct StraightThroughChoice {
  using role = pst::roles::straight_through;
  static constexpr bool through_scores = true;
  bool pruned_learn = false;  ///< as in pst::DenseGradient

  template <class Scalar>
  [[nodiscard]] constexpr Scalar operator()(Scalar gradient, bool kept) const noexcept {
    return kept || pruned_learn ? gradient : Scalar{0};
  }
};
static_assert(pst::StraightThroughRule<StraightThroughChoice>);

/// pst::Magnitude, S += abs(W~), whose gradient reaches the weight unless it is detached.
struct WeightScore {
  using role = pst::roles::importance;
  bool detached = false;

  template <class B, class Scalar>
  class State : public pst::Magnitude::State<B, Scalar> {
    using Base = pst::Magnitude::State<B, Scalar>;

   public:
    State(const WeightScore& metric, B& on, const pst::LayerLayout& layout, pst::ViewOn<B, const Scalar> weight)
        : Base{pst::Magnitude{}, on, layout, weight}, detached_{metric.detached} {}

    void backward(B& on, pst::Tile tile, pst::ViewOn<B, const Scalar> weight, pst::ViewOn<B, const Scalar> grad_scores,
                  pst::ViewOn<B, Scalar> grad_weight) {
      if (!detached_) Base::backward(on, tile, weight, grad_scores, grad_weight);
    }

   private:
    bool detached_;
  };
};

/// How the gradient passes the mask: the two policies that a rule is made of here.
struct StraightThrough {
  StraightThroughChoice rule{};
  bool detached = false;
};
/// "reference", "masked" or "dense", as in pst::ReferenceGradient, MaskedGradient and DenseGradient; throws pst::Error
/// for another text.
[[nodiscard]] StraightThrough straight_through_choice(const std::string& text);

}  // namespace finetune
