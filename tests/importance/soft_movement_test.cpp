// SPDX-License-Identifier: Apache-2.0
#include "pst/importance/soft_movement.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "support/metric_tools.hpp"

namespace pst::test {
namespace {

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

TEST_CASE_TEMPLATE("soft movement adds the sigmoid of its trained scores, which start alike", T, ReferenceDouble,
                   PartsFloat) {
  using Scalar = typename T::scalar;
  MetricOn<T, SoftMovement> metric{Draw{1}.grid<Scalar>(20, 17), {.initial_score = -0.5}};
  oracle::Mat expected(20, 17);
  expected.fill(sigmoid(-0.5));
  CHECK(distance(metric.added_scores(), expected) <= tolerances<Scalar>::value);
  const auto logits = Draw{2}.normal<Scalar>(20, 17, 0, 6);
  assign(metric.parameter("score.S").value, logits);
  for (index_t r = 0; r < 20; ++r)
    for (index_t c = 0; c < 17; ++c) expected(r, c) = sigmoid(logits(r, c));
  CHECK(distance(metric.added_scores(), expected) <= tolerances<Scalar>::value);
}
TEST_CASE_TEMPLATE("the straight-through gradient passes the sigmoid unchanged", T, ReferenceDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  MetricOn<T, SoftMovement> metric{Draw{1}.grid<Scalar>(20, 17)};
  const auto grad_scores = Draw{3}.grid<Scalar>(20, 17);
  CHECK(distance(metric.backward(grad_scores), HostMatrix<double>(20, 17)) == 0);
  CHECK(distance(metric.parameter("score.S").grad, grad_scores.view()) == 0);
}
TEST_CASE_TEMPLATE("a step begins with the gradient of the penalty, lambda times the mean of the sigmoids", T,
                   ReferenceDouble, PartsDouble) {
  const double lambda = 3;
  MetricOn<T, SoftMovement> metric{Draw{1}.grid<double>(9, 11), {.penalty = lambda}};
  const auto parameter = metric.parameter("score.S");
  assign(parameter.value, Draw{2}.normal<double>(9, 11));
  metric.state.add_penalty(metric.on);
  metric.state.add_penalty(metric.on);  // once a step, however many
  const auto penalty = [&] {
    double sum = 0;
    for (index_t r = 0; r < 9; ++r)
      for (index_t c = 0; c < 11; ++c) sum += sigmoid(parameter.value(r, c));
    return lambda * sum / 99;
  };
  oracle::Mat expected(9, 11);
  for (index_t r = 0; r < 9; ++r)
    for (index_t c = 0; c < 11; ++c) expected(r, c) = central_difference(parameter.value(r, c), penalty);
  CHECK(distance(parameter.grad, expected.view()) <= difference_tolerance);
  CHECK(std::abs(expected(3, 3)) > 100 * difference_tolerance);
}
TEST_CASE_TEMPLATE("the penalty rests while the target sparsity is reached", T, ReferenceDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  // 7 of 10 sigmoids are at 0.5 or below.
  for (const double target : {0.0, 0.5, 0.7, 0.75, 1.0}) {
    MetricOn<T, SoftMovement> metric{Draw{1}.grid<Scalar>(2, 5), {.penalty = 10, .target_sparsity = target}};
    const auto parameter = metric.parameter("score.S");
    for (index_t i = 0; i < 10; ++i) parameter.value(i / 5, i % 5) = static_cast<Scalar>(i - 6);
    metric.state.add_penalty(metric.on);
    const bool rests = target <= 0.7;
    for (index_t i = 0; i < 10; ++i) CHECK((parameter.grad(i / 5, i % 5) == 0) == rests);
  }
}
TEST_CASE_TEMPLATE("scores far out do not make NaN", T, ReferenceDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  MetricOn<T, SoftMovement> metric{Draw{1}.grid<Scalar>(1, 2), {.penalty = 1}};
  metric.parameter("score.S").value(0, 0) = -2000, metric.parameter("score.S").value(0, 1) = 2000;
  metric.state.add_penalty(metric.on);
  const auto scores = metric.added_scores();
  CHECK(scores(0, 0) == 0);
  CHECK(scores(0, 1) == 1);
  CHECK(metric.parameter("score.S").grad(0, 0) == 0);
  CHECK(metric.parameter("score.S").grad(0, 1) == 0);
}

}  // namespace
}  // namespace pst::test
