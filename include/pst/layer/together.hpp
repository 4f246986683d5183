// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <vector>

#include "pst/layer/sparse_linear.hpp"

namespace pst::PST_ABI {

namespace detail {

/// Layers whose selector has one budget over all of them: what is done with one layer is done with all.
template <class L>
class Together {
 public:
  using Layers = std::span<L* const>;

  static void begin_step(Layers layers, index_t step, index_t steps) {
    std::vector<typename L::State::StepPlan> plans;
    for (L* layer : layers) {
      prepare(*layer, "begin_step");
      plans.push_back(layer->state_.plan_step(step, steps));
    }
    refresh_to(layers, plans.front().sparsity, some_lack_a_mask(layers) || plans.front().moves_mask);
    for (std::size_t i = 0; i < plans.size(); ++i) layers[i]->state_.enter(plans[i]);
  }
  static void refresh(Layers layers, double progress) {
    for (L* layer : layers) {
      prepare(*layer, "refresh");
      check_step(layer->state_.label, progress, 1.0);
    }
    const auto& first = layers.front()->state_;
    refresh_to(layers, first.checked_sparsity(progress, 1.0),
               some_lack_a_mask(layers) || first.options.refresh.moves_between_steps(progress));
  }

 private:
  using States = std::span<typename L::selector_state* const>;
  using Refresh = typename L::State::Weight::Refresh;

  [[nodiscard]] static bool some_lack_a_mask(Layers layers) {
    return std::any_of(layers.begin(), layers.end(), [](const L* layer) { return !layer->state_.has_mask; });
  }
  static void prepare(L& layer, const char* caller) {
    const auto in_use = layer.state_.use(caller);
    layer.state_.need_memory();
  }
  /// Whatever is refused is refused before the first layer changes.
  static void refresh_to(Layers layers, double sparsity, bool moves_mask) {
    std::vector<std::unique_ptr<Refresh>> refreshes;
    const auto in_use = layers.front()->state_.on().use();
    for (L* layer : layers) {
      layer->state_.check_parameters();
      refreshes.push_back(std::make_unique<Refresh>(layer->state_.weight));
    }
    if (moves_mask) rank(layers, sparsity);
    for (std::size_t i = 0; i < layers.size(); ++i)
      if (moves_mask)
        layers[i]->state_.move_mask(*refreshes[i], sparsity);
      else
        layers[i]->state_.keep_mask(*refreshes[i]);
  }
  static void rank(Layers layers, double sparsity) {
    std::vector<typename L::selector_state*> states;
    for (L* layer : layers) states.push_back(&layer->state_.weight.selector());
    auto& on = layers.front()->state_.on();
    L::selector_state::begin_together(on, States{states}, sparsity);
    do {
      for (L* layer : layers) layer->state_.ranking_pass();
      if (states.front()->wants_pass()) L::selector_state::end_pass_together(on, States{states});
    } while (states.front()->wants_pass());
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
