// SPDX-License-Identifier: Apache-2.0
#include "pst/importance/low_rank_score.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "support/metric_tools.hpp"

namespace pst::test {
namespace {

TEST_CASE_TEMPLATE("the low-rank score adds alpha A B and learns both factors", T, ReferenceDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  for (Shape shape : {Shape{1, 1}, Shape{1, 60}, Shape{60, 1}, Shape{33, 50}})
    for (index_t rank : {1, 5, 50}) {
      const auto [in, out] = shape;
      if (rank > std::max({in, out, DynamicRank::usual})) continue;  // refused
      MetricOn<T, LowRankScore<DynamicRank>> metric{Draw{1}.grid<Scalar>(out, in), {.scale = -0.5, .rank = {rank}}};
      CHECK(distance(metric.added_scores(), HostMatrix<double>(out, in)) == 0);
      const auto a = Draw{2}.normal<Scalar>(out, rank), b = Draw{3}.normal<Scalar>(rank, in),
                 grad = Draw{4}.normal<Scalar>(out, in, 3);
      assign(metric.parameter("score.A").value, a);
      assign(metric.parameter("score.B").value, b);
      oracle::Mat score(out, in), grad_a(out, rank), grad_b(rank, in);
      for (index_t o = 0; o < out; ++o)
        for (index_t i = 0; i < in; ++i)
          for (index_t k = 0; k < rank; ++k) {
            score(o, i) -= 0.5 * double{a(o, k)} * double{b(k, i)};
            grad_a(o, k) -= 0.5 * double{grad(o, i)} * double{b(k, i)};
            grad_b(k, i) -= 0.5 * double{grad(o, i)} * double{a(o, k)};
          }
      CHECK(distance(metric.added_scores(), score) <= tolerances<Scalar>::value);
      CHECK(distance(metric.backward(grad), HostMatrix<double>(out, in)) == 0);
      CHECK(distance(metric.parameter("score.A").grad, grad_a.view()) <= tolerances<Scalar>::value);
      CHECK(distance(metric.parameter("score.B").grad, grad_b.view()) <= tolerances<Scalar>::value);
      CHECK(metric.parameter("score.A").group == ParameterGroup::score);
    }
}

}  // namespace
}  // namespace pst::test
