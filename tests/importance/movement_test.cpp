// SPDX-License-Identifier: Apache-2.0
#include "pst/importance/movement.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <utility>

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
  CHECK(metric.state.persistent_bytes() == 0);  // scores and gradients are in the layer's runs
}

TEST_CASE_TEMPLATE("movement's scores begin at a multiple of the weights' absolutes", T, ReferenceFloat, EigenDouble,
                   PartsFloat) {
  using Scalar = typename T::scalar;
  const auto weight = Draw{4}.grid<Scalar>(37, 21);
  MetricOn<T, Movement> metric{weight, {.start = 10}};
  const auto scores = metric.parameter("score.S").value;
  for (index_t r = 0; r < 37; ++r)
    for (index_t c = 0; c < 21; ++c) REQUIRE(scores(r, c) == Scalar{10} * std::abs(weight(r, c)));
  for (const double refused : {-1.0, std::nan(""), 1e300, HUGE_VAL})
    CHECK_THROWS_WITH_AS((MetricOn<T, Movement>{weight, {.start = refused}}),
                         doctest::Contains("the start of movement's scores is"), Error);
}

TEST_CASE("a layer whose movement starts from magnitudes prunes the smallest weights first") {
  using Layer = SparseLinear<>::with<Movement>::with<Full>::with<ConstantSchedule>::with<Reference>;
  auto weight = Draw{5}.normal<float>(12, 20);
  Layer layer{{.in = 20, .out = 12}, {.importance = {.start = 0.5}, .schedule = {.sparsity = 0.5}}};
  layer.attach(weight.view());
  layer.begin_step(0, 1);
  float largest_pruned = 0, smallest_kept = HUGE_VALF;
  const auto mask = unpacked(layer.mask());
  for (std::size_t n = 0; n < mask.size(); ++n) {
    const float size = std::abs(weight(static_cast<index_t>(n) / 20, static_cast<index_t>(n) % 20));
    if (mask[n] == 0)
      largest_pruned = std::max(largest_pruned, size);
    else
      smallest_kept = std::min(smallest_kept, size);
  }
  CHECK(layer.report().achieved_sparsity() == 0.5);
  CHECK(largest_pruned < smallest_kept);
}

}  // namespace
}  // namespace pst::test
