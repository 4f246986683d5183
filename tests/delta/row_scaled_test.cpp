// SPDX-License-Identifier: Apache-2.0
#include "pst/delta/row_scaled.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "support/layer_tools.hpp"

namespace pst::test {
namespace {

using ScaledRows = RowScaled<LowRank<DynamicRank>>;

/// DoRA with any metric, rule and selector.
template <class T, class Metric = Magnitude, class Rule = MaskedGradient, class Selector = TopK>
using DoraLayer = SparseLinear<typename T::scalar, Metric, ScaledRows, Selector, ConstantSchedule, Rule, FrozenBias,
                               typename T::backend>;
using DynamicPst = Sum<Magnitude, LowRankScore<DynamicRank>, RowColumnScore>;

std::vector<double> norms_of(const oracle::Mat& weight) {
  std::vector<double> norms;
  for (index_t r = 0; r < weight.rows(); ++r) {
    double squares = 0;
    for (index_t c = 0; c < weight.cols(); ++c) squares += weight(r, c) * weight(r, c);
    norms.push_back(std::sqrt(squares));
  }
  return norms;
}

/// A step of DoRA in plain loops, from the equations of the paper: V = W0 + beta U V, W~ = diag(m / |V|) V.
struct DoraProblem {
  oracle::Problem inner{};
  oracle::Mat m{};

  [[nodiscard]] oracle::Mat direction() const { return oracle::effective_weight(inner); }
  /// W~ with these norms.
  [[nodiscard]] oracle::Mat effective(const std::vector<double>& norms) const {
    oracle::Mat out = direction();
    for (index_t r = 0; r < out.rows(); ++r)
      for (index_t c = 0; c < out.cols(); ++c)
        out(r, c) *= norms[static_cast<std::size_t>(r)] == 0 ? 0 : m(r, 0) / norms[static_cast<std::size_t>(r)];
    return out;
  }
  [[nodiscard]] oracle::Mat effective() const { return effective(norms_of(direction())); }
};
struct DoraGradients {
  oracle::Mat u, v, m;
};
/// From the gradient of W~.
DoraGradients gradients_of(const DoraProblem& problem, const oracle::Mat& grad_weight) {
  const oracle::Problem& inner = problem.inner;
  const oracle::Mat direction = problem.direction();
  const std::vector<double> norms = norms_of(direction);
  DoraGradients g{{inner.u.rows(), inner.u.cols()}, {inner.v.rows(), inner.v.cols()}, {inner.u.rows(), 1}};
  for (index_t o = 0; o < direction.rows(); ++o)
    for (index_t i = 0; i < direction.cols(); ++i) {
      const double norm = norms[static_cast<std::size_t>(o)];
      if (norm == 0) continue;
      const double grad_direction = problem.m(o, 0) / norm * grad_weight(o, i);
      g.m(o, 0) += grad_weight(o, i) * direction(o, i) / norm;
      for (index_t k = 0; k < inner.u.cols(); ++k) {
        g.u(o, k) += inner.beta * grad_direction * inner.v(k, i);
        g.v(k, i) += inner.beta * inner.u(o, k) * grad_direction;
      }
    }
  return g;
}
DoraProblem drawn_problem(Shape shape, index_t rank) {
  const auto [in, out] = shape;
  DoraProblem problem{.inner = {.weight = Draw{1}.normal<double>(out, in),
                                .u = Draw{2}.normal<double>(out, rank),
                                .v = Draw{3}.normal<double>(rank, in),
                                .beta = -0.5},
                      .m = Draw{6}.normal<double>(out, 1)};
  return problem;
}
void assign_delta(auto& layer, const DoraProblem& problem) {
  assign(parameter_of(layer, "delta.U").value, problem.inner.u);
  assign(parameter_of(layer, "delta.V").value, problem.inner.v);
  assign(parameter_of(layer, "delta.m").value, problem.m);
}
void check_delta_gradients(auto& layer, const DoraGradients& truth, double near) {
  CHECK(distance(parameter_of(layer, "delta.U").grad, truth.u.view()) <= near);
  CHECK(distance(parameter_of(layer, "delta.V").grad, truth.v.view()) <= near);
  CHECK(distance(parameter_of(layer, "delta.m").grad, truth.m.view()) <= near);
}

TEST_CASE_TEMPLATE("rows have the length m along W0 + beta U V, and learn as DoRA's equations say", T, ReferenceDouble,
                   PartsFloat) {
  using Scalar = typename T::scalar;
  for (const Shape shape : {Shape{1, 1}, Shape{40, 1}, Shape{1, 40}, Shape{33, 26}})
    for (const index_t rank : {1, 4}) {
      const DoraProblem problem = drawn_problem(shape, rank);
      DoraLayer<T> layer{shape, {.delta = {{-0.5, {rank}}}, .schedule = {.sparsity = 0}}};
      const auto weight = problem.inner.weight.template as<Scalar>(3);
      layer.attach(weight.view());
      CHECK(layer.layout().size == rank * (shape.in + shape.out) + shape.out);
      assign_delta(layer, problem);
      layer.begin_step(0, 1);
      HostMatrix<Scalar> effective(shape.out, shape.in, 2);
      layer.export_masked(effective.view());
      CHECK(distance(effective, problem.effective()) <= tolerances<Scalar>::value);
      const auto x = Draw{4}.normal<Scalar>(3, shape.in), grad_y = Draw{5}.normal<Scalar>(3, shape.out);
      HostMatrix<Scalar> y(3, shape.out), grad_x(3, shape.in);
      layer.forward(x.view(), y.view());
      layer.backward(x.view(), grad_y.view(), grad_x.view());
      const oracle::Mask all(static_cast<std::size_t>(shape.size()), 1);
      oracle::Problem masked = problem.inner;
      masked.rule = oracle::Rule::masked;
      const auto grad =
          oracle::backward(masked, problem.effective(), all, x.template as<double>(), grad_y.template as<double>());
      CHECK(distance(y, oracle::forward(problem.effective(), all, x.template as<double>(), {})) <=
            tolerances<Scalar>::value);
      CHECK(distance(grad_x, grad.x) <= tolerances<Scalar>::value);
      check_delta_gradients(layer, gradients_of(problem, grad.weight), tolerances<Scalar>::value);
    }
}

/// Half of the weights are pruned by PST's scores of W~, which learn too.
template <class T, class Rule>
void check_pruned(oracle::Rule rule) {
  using Scalar = typename T::scalar;
  const Shape shape{.in = 33, .out = 26};
  DoraProblem problem = drawn_problem(shape, 3);
  problem.inner.a = Draw{7}.normal<double>(shape.out, 2), problem.inner.b = Draw{8}.normal<double>(2, shape.in);
  problem.inner.r = Draw{9}.normal<double>(shape.out, 1), problem.inner.c = Draw{10}.normal<double>(1, shape.in);
  problem.inner.rule = rule;
  typename DoraLayer<T, DynamicPst, Rule>::Options options{.delta = {{-0.5, {3}}}, .schedule = {.sparsity = 0.5}};
  options.importance.template term<LowRankScore<DynamicRank>>().rank = {2};
  DoraLayer<T, DynamicPst, Rule> layer{shape, options};
  const auto weight = problem.inner.weight.template as<Scalar>();
  layer.attach(weight.view());
  assign_delta(layer, problem);
  for (const auto& [name, from] : {std::pair{"score.A", &problem.inner.a},
                                   {"score.B", &problem.inner.b},
                                   {"score.R", &problem.inner.r},
                                   {"score.C", &problem.inner.c}})
    assign(parameter_of(layer, name).value, *from);
  layer.begin_step(0, 1);
  const oracle::Mat effective = problem.effective();
  const oracle::Mask mask = oracle::lowest_pruned(oracle::scores(problem.inner, effective), 0.5);
  CHECK(unpacked(layer.mask()) == mask);
  const auto x = Draw{4}.normal<Scalar>(5, shape.in), grad_y = Draw{5}.normal<Scalar>(5, shape.out);
  layer.backward(x.view(), grad_y.view());
  const auto grad =
      oracle::backward(problem.inner, effective, mask, x.template as<double>(), grad_y.template as<double>());
  constexpr double near = tolerances<Scalar>::value;
  check_delta_gradients(layer, gradients_of(problem, grad.weight), near);
  CHECK(distance(parameter_of(layer, "score.A").grad, grad.a.view()) <= near);
  CHECK(distance(parameter_of(layer, "score.B").grad, grad.b.view()) <= near);
  CHECK(distance(parameter_of(layer, "score.R").grad, grad.r.view()) <= near);
  CHECK(distance(parameter_of(layer, "score.C").grad, grad.c.view()) <= near);
}

TEST_CASE_TEMPLATE("scores are those of the scaled rows, and learn beside them under every rule", T, ReferenceDouble,
                   PartsDouble) {
  check_pruned<T, ReferenceGradient>(oracle::Rule::reference);
  check_pruned<T, MaskedGradient>(oracle::Rule::masked);
  check_pruned<T, DenseGradient>(oracle::Rule::dense);
}

/// S = W~, and a number of each row that learns rowsum(dS .* W~): what a metric may read of the weight.
struct ReadsWeight {
  using role = roles::importance;
  static constexpr bool learns = true;
  template <class B, class Scalar>
  struct State {
    RowFactor<B, Scalar> sums;
    State(const ReadsWeight&, B&, const LayerLayout& layout, ViewOn<B, const Scalar>)
        : sums{layout, 1, "score.sums", ParameterGroup::score} {}
    void score(B& on, Tile, ViewOn<B, const Scalar> weight, ViewOn<B, Scalar> scores) const {
      on.map(scores, functors::Add{}, ViewOn<B, const Scalar>{scores}, weight);
    }
    void backward(B& on, Tile tile, ViewOn<B, const Scalar> weight, ViewOn<B, const Scalar> grad_scores,
                  ViewOn<B, Scalar> grad_weight) {
      on.map(grad_weight, functors::Multiply{}, grad_scores, weight);
      on.row_sums(1.0, grad_weight, sums.grad(tile));
    }
    void finish_backward(B&) {}
    void for_each_parameter(auto&& visit) { visit(sums); }
    [[nodiscard]] std::size_t persistent_bytes() const { return 0; }
  };
};

TEST_CASE_TEMPLATE("a metric that reads the weight when it learns is shown W~", T, ReferenceDouble, PartsDouble) {
  const Shape shape{.in = 9, .out = 7};
  const DoraProblem problem = drawn_problem(shape, 2);
  DoraLayer<T, ReadsWeight> layer{shape, {.delta = {{-0.5, {2}}}, .schedule = {.sparsity = 0.5}}};
  layer.attach(problem.inner.weight.view());
  assign_delta(layer, problem);
  layer.begin_step(0, 1);
  const auto x = Draw{4}.normal<double>(3, shape.in), grad_y = Draw{5}.normal<double>(3, shape.out);
  layer.backward(x.view(), grad_y.view());
  const oracle::Mat effective = problem.effective();
  oracle::Mat expected(shape.out, 1);
  for (index_t o = 0; o < shape.out; ++o)
    for (index_t i = 0; i < shape.in; ++i)
      for (index_t t = 0; t < 3; ++t) expected(o, 0) += grad_y(t, o) * x(t, i) * effective(o, i) * effective(o, i);
  CHECK(distance(parameter_of(layer, "score.sums").grad, expected.view()) <= tolerances<double>::value);
}

TEST_CASE("the gradient is that of finite differences with constant norms, and not with norms that move") {
  using T = ReferenceDouble;
  const Shape shape{.in = 7, .out = 5};
  DoraProblem problem = drawn_problem(shape, 2);
  DoraLayer<T> layer{shape, {.delta = {{-0.5, {2}}}, .schedule = {.sparsity = 0}}};
  layer.attach(problem.inner.weight.view());
  assign_delta(layer, problem);
  layer.begin_step(0, 1);
  const auto x = Draw{4}.normal<double>(3, shape.in), grad_y = Draw{5}.normal<double>(3, shape.out);
  layer.backward(x.view(), grad_y.view());
  const oracle::Mask all(static_cast<std::size_t>(shape.size()), 1);
  const auto loss_of = [&](const oracle::Mat& effective) {
    const oracle::Mat y = oracle::forward(effective, all, x, {});
    double sum = 0;
    for (index_t t = 0; t < y.rows(); ++t)
      for (index_t o = 0; o < y.cols(); ++o) sum += grad_y(t, o) * y(t, o);
    return sum;
  };
  const std::vector<double> norms = norms_of(problem.direction());
  const auto differences = [&](oracle::Mat& of, auto&& loss) {
    oracle::Mat out(of.rows(), of.cols());
    for (index_t r = 0; r < of.rows(); ++r)
      for (index_t c = 0; c < of.cols(); ++c) out(r, c) = central_difference(of(r, c), loss);
    return out;
  };
  const auto constant = [&] { return loss_of(problem.effective(norms)); };
  const auto moving = [&] { return loss_of(problem.effective()); };
  CHECK(distance(parameter_of(layer, "delta.U").grad, differences(problem.inner.u, constant).view()) <=
        difference_tolerance);
  CHECK(distance(parameter_of(layer, "delta.V").grad, differences(problem.inner.v, constant).view()) <=
        difference_tolerance);
  CHECK(distance(parameter_of(layer, "delta.m").grad, differences(problem.m, moving).view()) <= difference_tolerance);
  CHECK(distance(parameter_of(layer, "delta.U").grad, differences(problem.inner.u, moving).view()) > 0.01);
}

TEST_CASE_TEMPLATE("m begins as the row norms, so that the weight is W0 to the bit", T, ReferenceDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  const auto weight = Draw{1}.normal<Scalar>(150, 40, 4);
  DoraLayer<T> layer{{.in = 40, .out = 150}, {.schedule = {.sparsity = 0}}};
  layer.attach(weight.view());
  layer.begin_step(0, 1);
  HostMatrix<Scalar> effective(150, 40);
  layer.export_masked(effective.view());
  CHECK(distance(effective, weight) == 0);
  const auto m = parameter_of(layer, "delta.m");
  CHECK(m.group == ParameterGroup::delta);
  const std::vector<double> norms = norms_of(weight.template as<double>());
  for (index_t r = 0; r < 150; ++r)
    CHECK(std::abs(static_cast<double>(m.value(r, 0)) - norms[static_cast<std::size_t>(r)]) <=
          20 * tolerances<Scalar>::value);
}

TEST_CASE_TEMPLATE("a row of zeros stays zero without NaN, and its m learns once the product gives it a direction", T,
                   ReferenceFloat, PartsFloat) {
  const Shape shape{.in = 9, .out = 6};
  auto weight = Draw{1}.normal<float>(shape.out, shape.in);
  for (index_t c = 0; c < shape.in; ++c) weight(2, c) = 0;
  DoraLayer<T> layer{shape, {.delta = {{1.0, {2}}}, .schedule = {.sparsity = 0}}};
  layer.attach(weight.view());
  const auto x = Draw{4}.normal<float>(5, shape.in), grad_y = Draw{5}.normal<float>(5, shape.out);
  const auto m = parameter_of(layer, "delta.m");
  CHECK(m.value(2, 0) == 0);
  layer.begin_step(1, 2);
  layer.backward(x.view(), grad_y.view());
  HostMatrix<float> effective(shape.out, shape.in);
  layer.export_masked(effective.view());
  CHECK(distance(effective, weight) == 0);
  CHECK(m.grad(2, 0) == 0);
  CHECK(parameter_of(layer, "delta.U").grad(2, 0) == 0);
  CHECK(std::isfinite(parameter_of(layer, "delta.V").grad(0, 0)));
  assign(parameter_of(layer, "delta.V").value, Draw{7}.normal<float>(2, shape.in));
  layer.begin_step(2, 2);
  layer.backward(x.view(), grad_y.view());
  CHECK(m.grad(2, 0) != 0);
  m.value(2, 0) = 3;
  layer.refresh(1.0);
  layer.export_masked(effective.view());
  CHECK(std::abs(norms_of(effective.template as<double>())[2] - 3) < 1e-5);
}

TEST_CASE("zeros of the weight stay zeros under a mask of them, and norms are those of all of V") {
  const Shape shape{.in = 12, .out = 8};
  DoraProblem problem = drawn_problem(shape, 2);
  for (index_t r = 0; r < shape.out; ++r)
    for (index_t c = r % 2; c < shape.in; c += 2) problem.inner.weight(r, c) = 0;
  DoraLayer<ReferenceDouble, Magnitude, MaskedGradient, KeepNonZeros> layer{shape, {.delta = {{-0.5, {2}}}}};
  layer.attach(problem.inner.weight.view());
  assign_delta(layer, problem);
  layer.begin_step(0, 1);
  oracle::Mat found(shape.out, shape.in), expected = problem.effective();
  layer.export_masked(found.view());
  for (index_t r = 0; r < shape.out; ++r)
    for (index_t c = 0; c < shape.in; ++c)
      if (problem.inner.weight(r, c) == 0) expected(r, c) = 0;
  CHECK(distance(found, expected) <= tolerances<double>::value);
}

TEST_CASE_TEMPLATE("rows of a weight that rests can be scaled alone", T, ReferenceDouble, PartsDouble) {
  const Shape shape{.in = 12, .out = 8};
  const auto weight = Draw{1}.normal<double>(shape.out, shape.in);
  using Layer = SparseLinear<double, Magnitude, RowScaled<Frozen>, KeepAll, ConstantSchedule, MaskedGradient,
                             FrozenBias, typename T::backend>;
  Layer layer{shape};
  layer.attach(weight.view());
  const auto m = parameter_of(layer, "delta.m");
  CHECK(layer.layout().size == shape.out);
  layer.begin_step(0, 1);
  for (index_t r = 0; r < shape.out; ++r) m.value(r, 0) *= 2;
  oracle::Mat effective(shape.out, shape.in), doubled = weight;
  layer.export_masked(effective.view());
  CHECK(distance(effective, weight) == 0);  // of the last refresh
  layer.refresh(1.0);
  layer.export_masked(effective.view());
  for (index_t r = 0; r < shape.out; ++r)
    for (index_t c = 0; c < shape.in; ++c) doubled(r, c) *= 2;
  CHECK(distance(effective, doubled) <= tolerances<double>::value);
}

}  // namespace
}  // namespace pst::test
