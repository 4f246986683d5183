// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "pst/layer/sparse_linear.hpp"

namespace pst {

/// Takes one step of several layers whose selector has one budget over all of them (GlobalTopK).
///
/// Sparsity and refreshes are those of the first layer's policies; the order of `layers` decides ties.
/// @ingroup layer
template <class L>
void begin_step_together(std::span<L* const> layers, double step, double steps) {
  if (layers.empty()) return;
  double sparsity = 0;
  std::vector<typename L::selector_state*> states;
  for (L* layer : layers) {
    const double own = layer->start_step(step, steps);
    sparsity = states.empty() ? own : sparsity;
    states.push_back(&layer->weight_.selector());
  }
  const bool all_have_masks = std::ranges::all_of(layers, [](const L* layer) { return layer->has_mask_; });
  if (all_have_masks && !layers.front()->wants_refresh()) {
    for (L* layer : layers) layer->keep_mask();
    return;
  }
  using States = std::span<typename L::selector_state* const>;
  auto& on = layers.front()->on();
  L::selector_state::begin_together(on, States{states}, sparsity);
  do {
    for (L* layer : layers) layer->ranking_pass();
    if (states.front()->wants_pass()) L::selector_state::end_pass_together(on, States{states});
  } while (states.front()->wants_pass());
  for (L* layer : layers) layer->finish_step(sparsity);
}

/// The parameters of several layers in one list, as optimizers take them; the views stay valid until a layer is
/// attached again or destroyed.
/// @ingroup layer
template <class First, class... Rest>
[[nodiscard]] auto parameters_of(First& first, Rest&... rest) {
  std::vector<Parameter<typename First::scalar, typename First::backend::space>> list;
  const auto add = [&](const auto& parameter) { list.push_back(parameter); };
  first.for_each_parameter(add);
  (rest.for_each_parameter(add), ...);
  return list;
}

}  // namespace pst
