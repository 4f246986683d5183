// SPDX-License-Identifier: Apache-2.0
#include "pst/straight_through/reference_gradient.hpp"

#include <doctest/doctest.h>

#include "support/layer_tools.hpp"

namespace pst::test {
namespace {

static_assert(ReferenceGradient{}.through_scores() && ReferenceGradient{}.passes() == Passes::kept);

TEST_CASE("through the mask only kept weights learn") {
  CHECK(ReferenceGradient{}(3.5F, true) == 3.5F);
  CHECK(ReferenceGradient{}(3.5F, false) == 0.0F);
}
TEST_CASE_TEMPLATE("with magnitude a weight learns G (M + abs(W)), under the other rules G M and G", T, ReferenceDouble,
                   PartsDouble) {
  HostMatrix<double> weight(1, 4), x(1, 4), grad_y(1, 1);
  weight(0, 0) = 0.25, weight(0, 1) = -4, weight(0, 2) = 3, weight(0, 3) = -0.5;
  x(0, 0) = 1, x(0, 1) = 2, x(0, 2) = -3, x(0, 3) = 5;
  grad_y(0, 0) = 2;  // G = 2, 4, -6, 10
  const auto gradient = [&]<class Rule>(Rule) {
    typename SparseLinear<double>::with<typename T::backend>::template with<Magnitude>::template with<
        Full>::template with<ConstantSchedule>::template with<Rule>
        layer{{.in = 4, .out = 1}, {.schedule = {.sparsity = 0.5}}};
    layer.attach(weight.view());
    layer.begin_step(0, 1);
    layer.backward(x.view(), grad_y.view());
    const auto grad = parameter_of(layer, "weight").grad;
    return std::vector<double>{grad(0, 0), grad(0, 1), grad(0, 2), grad(0, 3)};
  };
  CHECK(gradient(ReferenceGradient{}) == std::vector<double>{2 * 0.25, 4 * 5.0, -6 * 4.0, 10 * 0.5});
  CHECK(gradient(MaskedGradient{}) == std::vector<double>{0, 4, -6, 0});
  CHECK(gradient(DenseGradient{}) == std::vector<double>{2, 4, -6, 10});
}

}  // namespace
}  // namespace pst::test
