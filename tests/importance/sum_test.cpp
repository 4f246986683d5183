// SPDX-License-Identifier: Apache-2.0
#include "pst/importance/sum.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <type_traits>

#include "pst/importance/pst_metric.hpp"
#include "support/metric_tools.hpp"

namespace pst::test {
namespace {

static_assert(std::is_same_v<Pst, Sum<Magnitude, LowRankScore<Rank<8>>, RowColumnScore>>);
static_assert(std::is_same_v<Pst::with_rank<DynamicRank>, Sum<Magnitude, LowRankScore<DynamicRank>, RowColumnScore>>);

TEST_CASE_TEMPLATE("a sum adds the scores of its terms and hands the gradient to each", T, ReferenceDouble,
                   PartsFloat) {
  using Scalar = typename T::scalar;
  const auto weight = Draw{1}.grid<Scalar>(19, 24);
  Sum<Magnitude, Movement, RowColumnScore> options;
  options.template term<RowColumnScore>().scale = 0.5;
  MetricOn<T, Sum<Magnitude, Movement, RowColumnScore>> sum{weight, options};
  MetricOn<T, Magnitude> magnitude{weight};
  MetricOn<T, Movement> movement{weight};
  MetricOn<T, RowColumnScore> structured{weight, {.scale = 0.5}};
  const auto s = Draw{2}.grid<Scalar>(19, 24), r = Draw{3}.grid<Scalar>(19, 1);
  assign(sum.parameter("score.S").value, s), assign(movement.parameter("score.S").value, s);
  assign(sum.parameter("score.R").value, r), assign(structured.parameter("score.R").value, r);
  auto expected = magnitude.added_scores();
  const auto second = movement.added_scores(), third = structured.added_scores();
  for (index_t o = 0; o < 19; ++o)
    for (index_t i = 0; i < 24; ++i) expected(o, i) += second(o, i) + third(o, i);
  CHECK(distance(sum.added_scores(), expected) == 0);

  const auto grad = Draw{4}.grid<Scalar>(19, 24);
  movement.backward(grad), structured.backward(grad);
  CHECK(distance(sum.backward(grad), magnitude.backward(grad)) == 0);
  CHECK(distance(sum.parameter("score.S").grad, movement.parameter("score.S").grad) == 0);
  CHECK(distance(sum.parameter("score.R").grad, structured.parameter("score.R").grad) == 0);
  CHECK(distance(sum.parameter("score.C").grad, structured.parameter("score.C").grad) == 0);
  CHECK(sum.state.persistent_bytes() == movement.state.persistent_bytes() + structured.state.persistent_bytes());
}
TEST_CASE_TEMPLATE("a sum starts its terms and adds their penalties", T, ReferenceDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  const auto weight = Draw{1}.grid<Scalar>(19, 24);
  const Movement movement{.start = 2};
  MetricOn<T, Movement> started{weight, movement};
  MetricOn<T, Sum<Magnitude, Movement>> sum_started{weight, {{Magnitude{}, movement}}};
  CHECK(started.parameter("score.S").value(3, 4) == 2 * std::abs(weight(3, 4)));
  CHECK(distance(sum_started.parameter("score.S").value, started.parameter("score.S").value) == 0);

  const SoftMovement soft{.penalty = 3};
  MetricOn<T, SoftMovement> penalised{weight, soft};
  MetricOn<T, Sum<Magnitude, SoftMovement>> sum_penalised{weight, {{Magnitude{}, soft}}};
  penalised.state.add_penalty(penalised.on), sum_penalised.state.add_penalty(sum_penalised.on);
  CHECK(penalised.parameter("score.S").grad(3, 4) > 0);
  CHECK(distance(sum_penalised.parameter("score.S").grad, penalised.parameter("score.S").grad) == 0);
}
TEST_CASE("the terms of a sum show their parameters in order") {
  MetricOn<ReferenceFloat, Pst> metric{HostMatrix<float>(4, 5)};
  std::string names;
  metric.state.for_each_parameter([&](const auto& p) { names += std::string{p.name()} + ' '; });
  CHECK(names == "score.A score.B score.R score.C ");
  CHECK(metric.parameter("score.A").value.cols == 8);
}

}  // namespace
}  // namespace pst::test
