// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "support/layer_tools.hpp"

namespace pst::test {

/// One importance metric on one weight: scored block by block and taught tile by tile, as a layer does.
template <class T, class Metric>
struct MetricOn {
  using B = typename T::backend;
  using Scalar = typename T::scalar;
  using State = typename Metric::template State<B, Scalar>;

  B on{};
  HostMatrix<Scalar> weight;
  LayerLayout layout;
  State state;
  std::vector<HostMatrix<Scalar>> values, grads;

  explicit MetricOn(HostMatrix<Scalar> weight_, Metric metric = {}, index_t row_multiple = 1)
      : weight{std::move(weight_)},
        layout{on.plan({.in = weight.cols(), .out = weight.rows()}, row_multiple), 1},
        state{metric, on, layout, std::as_const(weight).view()} {
    state.for_each_parameter([&](TrainedMatrix<B, Scalar>& p) {
      values.emplace_back(p.rows(), p.cols()), grads.emplace_back(p.rows(), p.cols());
      p.bind_value(values.back().view()), p.bind_grad(grads.back().view());
    });
    if constexpr (HasAStart<State, B, Scalar>) state.start(on, std::as_const(weight).view());
  }

  /// What the metric adds to scores that were 2.
  [[nodiscard]] HostMatrix<Scalar> added_scores() {
    HostMatrix<Scalar> scores(weight.rows(), weight.cols(), 1);
    scores.fill(2);
    each_part([&](index_t part) {
      layout.plan.for_each_block(part, 0, [&](Tile tile) {
        state.score(on, tile, tile.of(std::as_const(weight).view()), tile.of(scores.view()));
      });
    });
    REQUIRE(scores.gap_is_untouched());
    for (index_t r = 0; r < scores.rows(); ++r)
      for (index_t c = 0; c < scores.cols(); ++c) scores(r, c) -= 2;
    return scores;
  }
  /// Learns from the gradient of the scores; returns what is added to a gradient of the weight that was 1.
  HostMatrix<Scalar> backward(const HostMatrix<Scalar>& grad_scores) {
    HostMatrix<Scalar> grad_weight(weight.rows(), weight.cols(), 2);
    grad_weight.fill(1);
    each_part([&](index_t part) {
      layout.plan.for_each_tile(part, 0, [&](Tile tile) {
        state.backward(on, tile, tile.of(std::as_const(weight).view()), tile.of(grad_scores.view()),
                       tile.of(grad_weight.view()));
      });
    });
    state.finish_backward(on);
    REQUIRE(grad_weight.gap_is_untouched());
    for (index_t r = 0; r < grad_weight.rows(); ++r)
      for (index_t c = 0; c < grad_weight.cols(); ++c) grad_weight(r, c) -= 1;
    return grad_weight;
  }
  [[nodiscard]] Parameter<Scalar> parameter(std::string_view name) {
    Parameter<Scalar> found;
    state.for_each_parameter([&](const auto& p) {
      if (p.name() == name) found = {p.name(), p.group(), p.value(), p.grad()};
    });
    return found;
  }
  [[nodiscard]] int parameters() {
    int count = 0;
    state.for_each_parameter([&](const auto&) { ++count; });
    return count;
  }

 private:
  void each_part(auto&& f) {
    for (index_t part = 0; part < layout.plan.parts(); ++part) f(part);
  }
};

}  // namespace pst::test
