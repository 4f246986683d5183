// SPDX-License-Identifier: Apache-2.0
#include "pst/selector/keep_all.hpp"

#include <doctest/doctest.h>

#include "support/selector_tools.hpp"

namespace pst::test {
namespace {

TEST_CASE_TEMPLATE("keep all prunes nothing, whatever the scores and the sparsity", T, ReferenceDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  for (Shape shape : selector_shapes)
    for (const auto& scores : selector_scores<Scalar>(shape))
      for (double sparsity : {0.0, 0.9}) CHECK(kept_in(selected<T, KeepAll>(scores, sparsity)) == shape.size());
}

TEST_CASE("an unpruned layer says that it has no zeros, though its schedule has") {
  const auto weight = Draw{1}.normal<float>(7, 5);
  Unpruned<> layer{{.in = 5, .out = 7}};
  layer.attach(weight.view());
  for (index_t step : {0, 5, 10}) {
    layer.begin_step(step, 10);
    CHECK(layer.sparsity() == 0);
    CHECK(layer.kept() == 35);
  }
}

}  // namespace
}  // namespace pst::test
