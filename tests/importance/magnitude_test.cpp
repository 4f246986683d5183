// SPDX-License-Identifier: Apache-2.0
#include "pst/importance/magnitude.hpp"

#include <doctest/doctest.h>

#include "support/metric_tools.hpp"

namespace pst::test {
namespace {

TEST_CASE_TEMPLATE("magnitude adds the absolute weight and sends the score's gradient back by its sign", T,
                   ReferenceDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  for (Shape shape : {Shape{1, 1}, Shape{13, 40}, Shape{70, 3}}) {
    MetricOn<T, Magnitude> metric{Draw{1}.grid<Scalar>(shape.out, shape.in, 3)};
    const auto grad_scores = Draw{2}.grid<Scalar>(shape.out, shape.in, 1);
    const auto scores = metric.added_scores(), grad_weight = metric.backward(grad_scores);
    bool scores_agree = true, gradients_agree = true;
    for (index_t r = 0; r < shape.out; ++r)
      for (index_t c = 0; c < shape.in; ++c) {
        const Scalar w = metric.weight(r, c), g = grad_scores(r, c);
        scores_agree = scores_agree && scores(r, c) == std::abs(w);
        gradients_agree = gradients_agree && grad_weight(r, c) == (w > 0 ? g : w < 0 ? -g : Scalar{0});
      }
    CHECK(scores_agree);
    CHECK(gradients_agree);
  }
}
TEST_CASE("magnitude stores nothing and learns nothing") {
  MetricOn<ReferenceFloat, Magnitude> metric{Draw{1}.grid<float>(3, 4)};
  CHECK(metric.parameters() == 0);
  CHECK(metric.state.persistent_bytes() == 0);
}

}  // namespace
}  // namespace pst::test
