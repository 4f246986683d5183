// SPDX-License-Identifier: Apache-2.0
#include "pst/delta/full.hpp"

#include <doctest/doctest.h>

#include "support/layer_tools.hpp"

namespace pst::test {
namespace {

TEST_CASE_TEMPLATE("the attached weight is the parameter, with the gradient of the chosen rule", T, ReferenceDouble,
                   PartsFloat) {
  using Scalar = typename T::scalar;
  using Layer = typename SparseLinear<Scalar>::template with<typename T::backend>::template with<
      Magnitude>::template with<Full>::template with<ConstantSchedule>;
  const Shape shape{.in = 45, .out = 31};
  auto weight = Draw{1}.normal<Scalar>(shape.out, shape.in, 4);
  Layer layer{shape, {.schedule = {.sparsity = 0.6}}};
  layer.attach(weight.view());
  const auto parameter = parameter_of(layer, "weight");
  CHECK(parameter.value.data == weight.view().data);
  CHECK(parameter.value.row_stride == 49);
  CHECK(parameter.group == ParameterGroup::weight);
  layer.begin_step(0, 1);
  const auto x = Draw{2}.normal<Scalar>(7, shape.in), grad_y = Draw{3}.normal<Scalar>(7, shape.out);
  layer.backward(x.view(), grad_y.view());
  oracle::Problem problem{.weight = weight.template as<double>()};
  const oracle::Mat score = oracle::scores(problem, problem.weight);
  const oracle::Mask mask = oracle::lowest_pruned(score, 0.6);
  CHECK(unpacked(layer.mask()) == mask);
  const auto truth =
      oracle::backward(problem, problem.weight, mask, x.template as<double>(), grad_y.template as<double>());
  CHECK(distance(parameter.grad, truth.weight.view()) <= tolerances<Scalar>::value);
  layer.backward(x.view(), grad_y.view());
  auto twice = truth.weight;
  for (index_t r = 0; r < shape.out; ++r)
    for (index_t c = 0; c < shape.in; ++c) twice(r, c) *= 2;
  CHECK(distance(parameter.grad, twice.view()) <= tolerances<Scalar>::value);
}
TEST_CASE_TEMPLATE("a change of the weight in place is seen at the next step", T, ReferenceFloat, PartsFloat) {
  using Layer = typename SparseLinear<float>::template with<typename T::backend>::template with<
      Magnitude>::template with<Full>::template with<ConstantSchedule>;
  HostMatrix<float> weight(1, 4), x(1, 4), y(1, 1);
  weight(0, 0) = 1, weight(0, 1) = 2, weight(0, 2) = 3, weight(0, 3) = 4;
  x.fill(1);
  Layer layer{{.in = 4, .out = 1}, {.schedule = {.sparsity = 0.5}}};
  layer.attach(weight.view());
  layer.begin_step(0, 1);
  layer.forward(x.view(), y.view());
  CHECK(y(0, 0) == 7);
  weight(0, 0) = 10;
  layer.begin_step(0, 1);
  layer.forward(x.view(), y.view());
  CHECK(y(0, 0) == 14);
}

}  // namespace
}  // namespace pst::test
