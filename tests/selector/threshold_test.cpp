// SPDX-License-Identifier: Apache-2.0
#include "pst/selector/threshold.hpp"

#include <doctest/doctest.h>

#include "support/selector_tools.hpp"

namespace pst::test {
namespace {

TEST_CASE_TEMPLATE("threshold keeps what is above its value, whatever the sparsity", T, ReferenceDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  for (Shape shape : selector_shapes)
    for (double value : {-2.0, 0.0, 0.25, 5.0}) {
      const auto scores = Draw{1}.grid<Scalar>(shape.out, shape.in);
      oracle::Mask above;
      for (index_t r = 0; r < shape.out; ++r)
        for (index_t c = 0; c < shape.in; ++c) above.push_back(scores(r, c) > static_cast<Scalar>(value) ? 1 : 0);
      for (double sparsity : {0.0, 0.9}) CHECK(selected<T, Threshold>(scores, sparsity, {.value = value}) == above);
    }
}
TEST_CASE_TEMPLATE("a layer that keeps nothing gives the bias and no gradient of x", T, ReferenceFloat, PartsFloat) {
  for (double dense_above_density : {-1.0, 1.0}) {
    const auto weight = Draw{1}.normal<float>(9, 5);
    const auto bias = Draw{2}.normal<float>(1, 9), x = Draw{3}.normal<float>(4, 5),
               grad_y = Draw{4}.normal<float>(4, 9);
    ScoredLayer<T, Threshold> layer{{.in = 5, .out = 9},
                                    {.selector = {.value = 0}, .dense_above_density = dense_above_density}};
    layer.attach(weight.view(), bias.view());
    layer.begin_step(0, 1);
    CHECK(layer.kept() == 0);
    HostMatrix<float> y(4, 9), grad_x(4, 5);
    grad_x.fill(3);
    layer.forward(x.view(), y.view());
    layer.backward(x.view(), grad_y.view(), grad_x.view());
    for (index_t t = 0; t < 4; ++t) CHECK(distance(y.view().middle_rows(t, 1), bias.view()) == 0);
    CHECK(distance(grad_x, HostMatrix<float>(4, 5)) == 0);
    CHECK(layer.export_csr().value.empty());
  }
}

}  // namespace
}  // namespace pst::test
