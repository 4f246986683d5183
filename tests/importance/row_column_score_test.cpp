// SPDX-License-Identifier: Apache-2.0
#include "pst/importance/row_column_score.hpp"

#include <doctest/doctest.h>

#include "support/metric_tools.hpp"

namespace pst::test {
namespace {

TEST_CASE_TEMPLATE("the row-column score adds alpha (R + C), and learns row and column sums", T, ReferenceDouble,
                   PartsFloat) {
  using Scalar = typename T::scalar;
  for (Shape shape : {Shape{1, 1}, Shape{1, 60}, Shape{60, 1}, Shape{35, 50}}) {
    const auto [in, out] = shape;
    MetricOn<T, RowColumnScore> metric{Draw{1}.grid<Scalar>(out, in), {.scale = 2}};
    const auto r = Draw{2}.normal<Scalar>(out, 1), c = Draw{3}.normal<Scalar>(1, in),
               grad = Draw{4}.normal<Scalar>(out, in, 3);
    CHECK(distance(metric.added_scores(), HostMatrix<double>(out, in)) == 0);
    assign(metric.parameter("score.R").value, r);
    assign(metric.parameter("score.C").value, c);
    oracle::Mat score(out, in), grad_r(out, 1), grad_c(1, in);
    for (index_t o = 0; o < out; ++o)
      for (index_t i = 0; i < in; ++i) {
        score(o, i) = 2 * (double{r(o, 0)} + double{c(0, i)});
        grad_r(o, 0) += 2 * double{grad(o, i)};
        grad_c(0, i) += 2 * double{grad(o, i)};
      }
    CHECK(distance(metric.added_scores(), score) <= tolerances<Scalar>::value);
    CHECK(distance(metric.backward(grad), HostMatrix<double>(out, in)) == 0);
    CHECK(distance(metric.parameter("score.R").grad, grad_r.view()) <= tolerances<Scalar>::value);
    CHECK(distance(metric.parameter("score.C").grad, grad_c.view()) <= tolerances<Scalar>::value);
  }
}

}  // namespace
}  // namespace pst::test
