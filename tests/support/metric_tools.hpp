// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "support/layer_tools.hpp"

namespace pst::test {

/// One importance metric on one weight, worked on block by block as a layer does.
template <class T, class Metric>
struct MetricOn {
  using B = typename T::backend;
  using Scalar = typename T::scalar;
  using State = typename Metric::template State<B, Scalar>;

  B on{};
  HostMatrix<Scalar> weight;
  LayerLayout layout;
  State state;

  explicit MetricOn(HostMatrix<Scalar> weight_, Metric metric = {}, index_t row_multiple = 1)
      : weight{std::move(weight_)},
        layout{{.in = weight.cols(), .out = weight.rows()},
               on.plan({.in = weight.cols(), .out = weight.rows()}, row_multiple),
               1},
        state{metric, on, layout, std::as_const(weight).view()} {}

  /// What the metric adds to scores that were 2.
  [[nodiscard]] HostMatrix<Scalar> added_scores() {
    HostMatrix<Scalar> scores(weight.rows(), weight.cols(), 1);
    scores.fill(2);
    each_block([&](RowBlock rows) { state.score(on, rows, block(std::as_const(weight), rows), block(scores, rows)); });
    REQUIRE(scores.gap_is_untouched());
    for (index_t r = 0; r < scores.rows(); ++r)
      for (index_t c = 0; c < scores.cols(); ++c) scores(r, c) -= 2;
    return scores;
  }
  /// Learns from the gradient of the scores; returns what is added to a gradient of the weight that was 1.
  HostMatrix<Scalar> backward(const HostMatrix<Scalar>& grad_scores) {
    HostMatrix<Scalar> grad_weight(weight.rows(), weight.cols(), 2);
    grad_weight.fill(1);
    each_block([&](RowBlock rows) {
      state.backward(on, rows, block(std::as_const(weight), rows), block(grad_scores, rows), block(grad_weight, rows));
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
      if (p.name == name) found = p;
    });
    return found;
  }
  [[nodiscard]] int parameters() {
    int count = 0;
    state.for_each_parameter([&](const auto&) { ++count; });
    return count;
  }

 private:
  template <class M>
  static auto block(M& matrix, RowBlock rows) {
    return matrix.view().middle_rows(rows.first, rows.count);
  }
  void each_block(auto&& f) {
    for (index_t part = 0; part < layout.plan.parts(); ++part) layout.plan.for_each_block(part, 0, f);
  }
};

}  // namespace pst::test
