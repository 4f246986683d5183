// SPDX-License-Identifier: Apache-2.0
#include "pst/importance/movement.hpp"

#include <doctest/doctest.h>

#include "support/metric_tools.hpp"

namespace pst::test {
namespace {

TEST_CASE_TEMPLATE("movement adds its trained scores, and their gradient is that of the scores", T, ReferenceFloat,
                   ReferenceDouble, EigenFloat, EigenDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  MetricOn<T, Movement> metric{Draw{1}.grid<Scalar>(37, 21)};
  CHECK(metric.parameters() == 1);
  CHECK(distance(metric.added_scores(), HostMatrix<double>(37, 21)) == 0);
  const auto trained = Draw{2}.grid<Scalar>(37, 21), grad_scores = Draw{3}.grid<Scalar>(37, 21);
  const auto parameter = metric.parameter("score.S");
  assign(parameter.value, trained);
  CHECK(parameter.group == ParameterGroup::score);
  CHECK(distance(metric.added_scores(), trained) == 0);
  CHECK(distance(metric.backward(grad_scores), HostMatrix<double>(37, 21)) == 0);
  CHECK(distance(parameter.grad, grad_scores.view()) == 0);
  metric.backward(grad_scores);
  CHECK(parameter.grad(36, 20) == 2 * grad_scores(36, 20));
  metric.state.begin_step(metric.on);
  CHECK(distance(copy_of(parameter.grad), HostMatrix<double>(37, 21)) == 0);
  CHECK(metric.state.persistent_bytes() == 2 * 37 * 21 * sizeof(Scalar));
}

}  // namespace
}  // namespace pst::test
