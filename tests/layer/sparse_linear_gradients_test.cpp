// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "support/layer_tools.hpp"

namespace pst::test {
namespace {

/// sum of a .* b
double dot(const oracle::Mat& a, const oracle::Mat& b) {
  double sum = 0;
  for (index_t r = 0; r < a.rows(); ++r)
    for (index_t c = 0; c < a.cols(); ++c) sum += a(r, c) * b(r, c);
  return sum;
}
/// Compares a gradient with central differences of `loss` in every element of `value`.
void check_differences(std::string_view name, MatrixView<double> value, MatrixView<const double> grad, auto&& loss) {
  CAPTURE(name);
  REQUIRE(value.size() > 0);
  HostMatrix<double> expected(value.rows, value.cols);
  for (index_t r = 0; r < value.rows; ++r)
    for (index_t c = 0; c < value.cols; ++c) expected(r, c) = central_difference(value(r, c), loss);
  CHECK(distance(grad, expected.view()) <= difference_tolerance);
  CHECK(distance(HostMatrix<double>(value.rows, value.cols).view(), expected.view()) > difference_tolerance);
}

/// A layer whose scores do not depend on its weight: the mask stays while the weight is varied.
template <class T, class Delta>
using FixedMask =
    SparseLinear<double, Movement, Delta, TopK, ConstantSchedule, MaskedGradient, TrainedBias, typename T::backend>;

template <class T, class Delta>
void check_against_outputs(double dense_above_density) {
  auto weight = Draw{1}.normal<double>(19, 23, 2), bias = Draw{2}.normal<double>(1, 19);
  const auto grad_y = Draw{4}.normal<double>(6, 19);
  auto x = Draw{3}.normal<double>(6, 23);
  FixedMask<T, Delta> layer{{.in = 23, .out = 19},
                            {.schedule = {.sparsity = 0.6}, .dense_above_density = dense_above_density}};
  layer.attach(weight.view(), bias.view());
  layer.for_each_parameter([&](const auto& p) {
    if (p.group != ParameterGroup::bias && p.group != ParameterGroup::weight)
      assign(p.value,
             Draw{static_cast<std::uint64_t>(p.name.back())}.template normal<double>(p.value.rows, p.value.cols));
  });
  HostMatrix<double> y(6, 19), grad_x(6, 23);
  const auto loss = [&] {
    layer.begin_step(0, 1);
    layer.forward(x.view(), y.view());
    return dot(y, grad_y);
  };
  layer.begin_step(0, 1);
  layer.backward(x.view(), grad_y.view(), grad_x.view());
  std::vector<std::pair<Parameter<double>, HostMatrix<double>>> found;
  layer.for_each_parameter([&](const auto& p) {
    if (p.group != ParameterGroup::score) found.emplace_back(p, copy_of(p.grad));
  });
  CHECK(found.size() == (Delta::in_place ? 2 : 3));
  for (const auto& [parameter, grad] : found)
    check_differences(parameter.name, parameter.value, std::as_const(grad).view(), loss);
  check_differences("x", x.view(), std::as_const(grad_x).view(), loss);
}

TEST_CASE_TEMPLATE("with the mask held, the gradients of U, V, the bias and x are those of the outputs", T,
                   ReferenceDouble, PartsDouble) {
  check_against_outputs<T, LowRank<Rank<3>>>(0.0);
  check_against_outputs<T, LowRank<Rank<3>>>(1.0);
}
TEST_CASE_TEMPLATE("with the mask held, the gradient of a weight trained in place is that of the outputs", T,
                   ReferenceDouble, PartsDouble) {
  check_against_outputs<T, Full>(0.0);
  check_against_outputs<T, Full>(1.0);
}
TEST_CASE_TEMPLATE("all factors of PST have the gradient of the surrogate loss", T, ReferenceDouble, PartsDouble) {
  // L + <stop_gradient(dS), S> with the mask held is what the straight-through estimator differentiates.
  Draw draw{5};
  oracle::Problem problem{draw.normal<double>(17, 14),
                          draw.normal<double>(17, 2),
                          draw.normal<double>(2, 14),
                          draw.normal<double>(17, 3),
                          draw.normal<double>(3, 14),
                          draw.normal<double>(17, 1),
                          draw.normal<double>(1, 14),
                          0.5,
                          2.0,
                          0.25};
  const auto x = draw.normal<double>(5, 14), grad_y = draw.normal<double>(5, 17);
  typename PstLayer<T>::Options options{.schedule = {.sparsity = 0.5}};
  options.importance.template term<LowRankScore<DynamicRank>>() = {0.5, {3}};
  options.importance.template term<RowColumnScore>().scale = 2.0;
  options.delta = {0.25, {2}};
  PstLayer<T> layer{{.in = 14, .out = 17}, options};
  const oracle::Mat weight = problem.weight;
  layer.attach(weight.view());
  const std::pair<const char*, oracle::Mat*> factors[] = {{"delta.U", &problem.u}, {"delta.V", &problem.v},
                                                          {"score.A", &problem.a}, {"score.B", &problem.b},
                                                          {"score.R", &problem.r}, {"score.C", &problem.c}};
  for (const auto& [name, value] : factors) assign(parameter_of(layer, name).value, *value);
  layer.begin_step(0, 1);
  layer.backward(x.view(), grad_y.view());

  const oracle::Mask mask = unpacked(layer.mask());
  oracle::Mat grad_scores(17, 14);  // dS = G .* W~, held
  const oracle::Mat effective = oracle::effective_weight(problem);
  for (index_t o = 0; o < 17; ++o)
    for (index_t i = 0; i < 14; ++i)
      for (index_t t = 0; t < 5; ++t) grad_scores(o, i) += grad_y(t, o) * x(t, i) * effective(o, i);
  const auto surrogate = [&] {
    const oracle::Mat now = oracle::effective_weight(problem);
    return dot(oracle::forward(now, mask, x, {}), grad_y) + dot(grad_scores, oracle::scores(problem, now));
  };
  for (const auto& [name, value] : factors)
    check_differences(name, value->view(), parameter_of(layer, name).grad, surrogate);
}

}  // namespace
}  // namespace pst::test
