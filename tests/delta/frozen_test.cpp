// SPDX-License-Identifier: Apache-2.0
#include "pst/delta/frozen.hpp"

#include <doctest/doctest.h>

#include "support/layer_tools.hpp"

namespace pst::test {
namespace {

TEST_CASE_TEMPLATE("a frozen weight is the attached one, and nothing of it trains", T, ReferenceDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  using Layer = typename SparseLinear<Scalar>::template with<typename T::backend>::template with<
      Magnitude>::template with<Frozen>::template with<ConstantSchedule>;
  const auto weight = Draw{1}.normal<Scalar>(12, 30, 4);
  Layer layer{{.in = 30, .out = 12}, {.schedule = {.sparsity = 0}}};
  layer.attach(weight.view());
  int parameters = 0;
  layer.for_each_parameter([&](const auto&) { ++parameters; });
  CHECK(parameters == 0);
  layer.begin_step(0, 1);
  HostMatrix<Scalar> out(12, 30), x(2, 30), y(2, 12), grad_x(2, 30);
  layer.export_masked(out.view());
  CHECK(distance(out, weight) == 0);
  layer.backward(x.view(), y.view(), grad_x.view());
  CHECK(layer.report().trainable == 0);
}
TEST_CASE("a frozen weight is handed on without a copy") {
  Reference on;
  HostMatrix<float> weight(4, 3, 1), scratch(4, 3);
  const LayerLayout layout{WorkPlan::whole({.in = 3, .out = 4}), 1};
  const Frozen::State<Reference, float> state{Frozen{}, on, layout, weight.view()};
  const MatrixView<const float> effective = state.effective(on, Tile{0, 4, 0, 3}, weight.view(), scratch.view());
  CHECK(effective.data == weight.view().data);
  CHECK(effective.row_stride == 4);
  CHECK(state.persistent_bytes() == 0);
}

}  // namespace
}  // namespace pst::test
