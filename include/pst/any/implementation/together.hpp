// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "pst/any/together.hpp"

// What any/together.hpp declares. A part of any/implementation.hpp.

namespace pst::PST_ABI {

namespace detail {

/// Takes the steps that `prepare` gives, all or none.
template <class Scalar, class Prepare>
void take_together(std::span<AnyLinear<Scalar>* const> layers, Prepare&& prepare) {
  std::vector<std::unique_ptr<PendingStep<Scalar>>> steps;
  std::vector<PendingStep<Scalar>*> with_one_budget;
  for (AnyLinear<Scalar>* layer : layers) {
    steps.push_back(prepare(layer->layer()));
    if (steps.back()->shares_budget()) with_one_budget.push_back(steps.back().get());
  }
  for (const auto& step : steps)
    if (!step->shares_budget()) step->rank({});
  if (!with_one_budget.empty()) with_one_budget.front()->rank(with_one_budget);
  for (const auto& step : steps) step->take();
}

}  // namespace detail

template <class Scalar>
void begin_step_together(std::span<AnyLinear<Scalar>* const> layers, index_t step, index_t steps) {
  detail::take_together(layers, [&](LinearInterface<Scalar>& layer) { return layer.prepare_step(step, steps); });
}
template <class Scalar>
void refresh_together(std::span<AnyLinear<Scalar>* const> layers, double progress) {
  detail::take_together(layers, [&](LinearInterface<Scalar>& layer) { return layer.prepare_refresh(progress); });
}

template void begin_step_together(std::span<AnyLinear<float>* const> layers, index_t step, index_t steps);
template void begin_step_together(std::span<AnyLinear<double>* const> layers, index_t step, index_t steps);
template void refresh_together(std::span<AnyLinear<float>* const> layers, double progress);
template void refresh_together(std::span<AnyLinear<double>* const> layers, double progress);

}  // namespace pst::PST_ABI
