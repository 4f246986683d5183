// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include "support/layer_tools.hpp"

namespace pst::test {

/// The sizes of a PST layer and its batch.
struct Case {
  Shape shape;
  index_t tokens, delta_rank, score_rank;
  double sparsity;
  bool grid =
      false;  ///< numbers whose products and sums are exact: scores tie, and the mask must be that of the oracle
};

/// A PstLayer with factors, weight and batch that the oracle has too.
template <class Layer>
struct Posed {
  using Scalar = typename Layer::scalar;
  using Options = typename Layer::Options;

  Draw draw;
  Case now;
  oracle::Problem problem;
  oracle::Mat bias, x, grad_y;
  HostMatrix<Scalar> weight, own_bias, own_x, own_grad_y, y, grad_x;
  Layer layer;

  explicit Posed(const Case& now_, oracle::Rule rule = oracle::Rule::reference, Options options = {},
                 typename Layer::backend on = {})
      : draw{static_cast<std::uint64_t>(1000 * now_.shape.in + now_.shape.out)},
        now{now_},
        problem{make(now.shape.out, now.shape.in),
                make(now.shape.out, now.delta_rank),
                make(now.delta_rank, now.shape.in),
                make(now.shape.out, now.score_rank),
                make(now.score_rank, now.shape.in),
                make(now.shape.out, 1),
                make(1, now.shape.in),
                0.5,
                2.0,
                0.25},
        bias{draw.template normal<double>(1, now.shape.out)},
        x{draw.template normal<double>(now.tokens, now.shape.in)},
        grad_y{draw.template normal<double>(now.tokens, now.shape.out)},
        weight{problem.weight.template as<Scalar>(5)},
        own_bias{bias.template as<Scalar>(2)},
        own_x{x.template as<Scalar>(3)},
        own_grad_y{grad_y.template as<Scalar>(7)},
        y(now.tokens, now.shape.out, 4),
        grad_x(now.tokens, now.shape.in, 6),
        layer{now.shape, with_numbers(std::move(options)), std::move(on)} {
    problem.rule = rule;
    layer.attach(weight.view(), own_bias.view());
    put_factors();
  }

  /// The problem's factors, into the layer.
  void put_factors() {
    for (const auto& [name, value] : factors()) assign(parameter_of(layer, name).value, *value);
  }
  /// Moves all factors of the problem a little, and puts them into the layer.
  void move_factors() {
    for (const auto& [name, value] : factors())
      for (index_t r = 0; r < value->rows(); ++r)
        for (index_t c = 0; c < value->cols(); ++c) (*value)(r, c) += static_cast<double>(draw.between(-4, 4)) / 8;
    put_factors();
  }
  void pass() {
    y.fill(17), grad_x.fill(17);  // forward and backward overwrite
    layer.forward(own_x.view(), y.view());
    layer.backward(own_x.view(), own_grad_y.view(), grad_x.view());
  }
  /// Compares the outputs and gradients of one pass with those of the oracle for the layer's own mask.
  void check(oracle::ScoreTokens tokens = {}) {
    const oracle::Mat effective = oracle::effective_weight(problem);
    const oracle::Mask mask = unpacked(layer.mask());
    CHECK(layer.kept() == kept_in(mask));
    const oracle::Gradients truth = oracle::backward(problem, effective, mask, x, grad_y, tokens);
    CHECK(distance(y, oracle::forward(effective, mask, x, bias)) <= near);
    CHECK(distance(grad_x, truth.x) <= near);
    CHECK(y.gap_is_untouched());
    CHECK(grad_x.gap_is_untouched());
    check_gradient("delta.U", truth.u), check_gradient("delta.V", truth.v);
    check_gradient("score.A", truth.a), check_gradient("score.B", truth.b);
    check_gradient("score.R", truth.r), check_gradient("score.C", truth.c);
    check_gradient("bias", truth.bias);
  }
  void check_gradient(const char* name, const oracle::Mat& expected) {
    CAPTURE(name);
    CHECK(distance(parameter_of(layer, name).grad, expected.view()) <= near);
  }

 private:
  static constexpr double near = tolerances<Scalar>::value;

  [[nodiscard]] oracle::Mat make(index_t rows, index_t cols) {
    return now.grid ? draw.template grid<double>(rows, cols) : draw.template normal<double>(rows, cols);
  }
  [[nodiscard]] std::vector<std::pair<const char*, oracle::Mat*>> factors() {
    return {{"delta.U", &problem.u}, {"delta.V", &problem.v}, {"score.A", &problem.a},
            {"score.B", &problem.b}, {"score.R", &problem.r}, {"score.C", &problem.c}};
  }
  [[nodiscard]] Options with_numbers(Options options) const {
    options.schedule.sparsity = now.sparsity;
    options.importance.template term<LowRankScore<DynamicRank>>() = {problem.alpha1, {now.score_rank}};
    options.importance.template term<RowColumnScore>().scale = problem.alpha2;
    options.delta = {problem.beta, {now.delta_rank}};
    return options;
  }
};

/// All gradients of a layer.
template <class Layer>
[[nodiscard]] std::vector<HostMatrix<typename Layer::scalar>> gradients_of(Layer& layer) {
  std::vector<HostMatrix<typename Layer::scalar>> out;
  layer.for_each_parameter([&](const auto& p) { out.push_back(copy_of(p.grad)); });
  return out;
}

}  // namespace pst::test
