// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "pst/layer/sparse_linear.hpp"

namespace pst::PST_ABI {

namespace detail {

/// Ranks layers of any types that have one budget and one type of selector state, as the first of them says: what is
/// refused is refused before anything has changed.
template <class SelectorState, class Step>
void rank_together(std::span<Step* const> steps) {
  const bool some_lack_a_mask =
      std::any_of(steps.begin(), steps.end(), [](const Step* step) { return step->lacks_mask(); });
  const bool moves_mask = some_lack_a_mask || steps.front()->moves_mask();
  const double sparsity = steps.front()->sparsity();
  std::vector<SelectorState*> states;
  for (Step* step : steps) {
    step->settle(moves_mask, sparsity);
    step->open();
    states.push_back(&step->selector());
  }
  if (!moves_mask) return;
  using States = std::span<SelectorState* const>;
  auto& on = steps.front()->on();
  SelectorState::begin_together(on, States{states}, sparsity);
  do {
    for (Step* step : steps) step->ranking_pass();
    if (states.front()->wants_pass()) SelectorState::end_pass_together(on, States{states});
  } while (states.front()->wants_pass());
}

/// Steps of layers in two halves, so that several layers take theirs, or none does.
template <class L>
class Together {
 public:
  using Layers = std::span<L* const>;
  using SelectorState = typename L::selector_state;

  /// A step or a refresh of one layer, ranked and checked before it is taken. Without `take` the layer is as it was.
  class Step {
   public:
    Step(L& layer, index_t step, index_t steps) : state_{layer.state_} {
      const auto in_use = state_.use("begin_step");
      state_.need_memory();
      plan_ = state_.plan_step(step, steps);
      settle(plan_->moves_mask, plan_->sparsity);
    }
    Step(L& layer, double progress) : state_{layer.state_} {
      const auto in_use = state_.use("refresh");
      state_.need_memory();
      check_progress(state_.label, progress);
      settle(state_.moves_between_steps(progress), state_.checked_sparsity(progress, 1.0));
    }
    Step(const Step&) = delete;

    [[nodiscard]] bool lacks_mask() const noexcept { return !state_.has_mask; }
    [[nodiscard]] bool moves_mask() const noexcept { return moves_mask_; }
    [[nodiscard]] double sparsity() const noexcept { return sparsity_; }
    /// Does what another layer's policies say.
    void settle(bool moves_mask, double sparsity) noexcept { moves_mask_ = moves_mask, sparsity_ = sparsity; }

    /// Looks at the parameters as they are from here on; refuses NaN and Inf.
    void open() {
      const auto in_use = on().use();
      state_.check_parameters();
      refresh_.emplace(state_.weight, plan_ ? DrawnStep{plan_->step} : DrawnStep{});
    }
    void ranking_pass() {
      const auto in_use = on().use();
      state_.ranking_pass();
    }
    [[nodiscard]] SelectorState& selector() { return state_.weight.selector(); }
    [[nodiscard]] typename L::backend& on() { return state_.on(); }
    /// Ranks the weights of this layer alone.
    void rank() {
      const auto in_use = on().use();
      if (moves_mask_) state_.rank(sparsity_);
    }
    void take() {
      const auto in_use = on().use();
      if (moves_mask_)
        state_.move_mask(*refresh_, sparsity_);
      else
        state_.keep_mask(*refresh_);
      if (plan_) state_.enter(*plan_);
    }

   private:
    typename L::State& state_;
    std::optional<typename L::State::StepPlan> plan_;  // none in a refresh
    double sparsity_ = 0;
    bool moves_mask_ = false;
    std::optional<typename L::State::Weight::Refresh> refresh_;
  };

  static void begin_step(Layers layers, index_t step, index_t steps) {
    take(layers, [&](L& layer) { return std::make_unique<Step>(layer, step, steps); });
  }
  static void refresh(Layers layers, double progress) {
    take(layers, [&](L& layer) { return std::make_unique<Step>(layer, progress); });
  }

 private:
  static void take(Layers layers, auto&& make) {
    std::vector<std::unique_ptr<Step>> made;
    std::vector<Step*> steps;
    for (L* layer : layers) steps.push_back(made.emplace_back(make(*layer)).get());
    rank_together<SelectorState>(std::span<Step* const>{steps});
    for (Step* step : steps) step->take();
  }
};

}  // namespace detail

/// Begins a step of several layers whose selector has one budget over all of them (GlobalTopK):
/// SparseLinear::begin_step of all, or, where a weight or score of one is NaN or Inf, of none.
///
/// Sparsity and refreshes are those of the first layer's policies; the order of `layers` decides ties.
/// @ingroup layer
template <class L>
void begin_step_together(std::span<L* const> layers, index_t step, index_t steps) {
  if (!layers.empty()) detail::Together<L>::begin_step(layers, step, steps);
}

/// SparseLinear::refresh of several layers whose selector has one budget over all of them.
/// @ingroup layer
template <class L>
void refresh_together(std::span<L* const> layers, double progress) {
  if (!layers.empty()) detail::Together<L>::refresh(layers, progress);
}

/// The parameters of several layers in one list, as optimizers take them; the views stay valid until a layer is
/// attached or bound again, or destroyed.
/// @ingroup layer
template <class First, class... Rest>
[[nodiscard]] auto parameters_of(First& first, Rest&... rest) {
  std::vector<Parameter<typename First::scalar, typename First::backend::space>> list;
  const auto add = [&](const auto& parameter) { list.push_back(parameter); };
  first.for_each_parameter(add);
  (rest.for_each_parameter(add), ...);
  return list;
}

}  // namespace pst::PST_ABI
