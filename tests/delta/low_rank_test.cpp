// SPDX-License-Identifier: Apache-2.0
#include "pst/delta/low_rank.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "support/layer_tools.hpp"

namespace pst::test {
namespace {

/// The low-rank delta without pruning, as LoRA is.
template <class T>
using Lora = SparseLinear<typename T::scalar, Magnitude, LowRank<DynamicRank>, TopK, ConstantSchedule, MaskedGradient,
                          FrozenBias, typename T::backend>;

TEST_CASE_TEMPLATE("without pruning the low-rank delta is LoRA, at any rank that it can have", T, ReferenceDouble,
                   PartsFloat) {
  using Scalar = typename T::scalar;
  for (Shape shape : {Shape{1, 1}, Shape{40, 1}, Shape{1, 40}, Shape{33, 26}})
    for (index_t rank : {1, 4, 33}) {
      const auto [in, out] = shape;
      if (rank > std::max({in, out, DynamicRank::usual})) continue;  // refused
      oracle::Problem problem{.weight = Draw{1}.normal<double>(out, in),
                              .u = Draw{2}.normal<double>(out, rank),
                              .v = Draw{3}.normal<double>(rank, in),
                              .beta = -1.5,
                              .rule = oracle::Rule::masked};
      Lora<T> layer{shape, {.delta = {-1.5, {rank}}, .schedule = {.sparsity = 0}}};
      const auto weight = problem.weight.as<Scalar>(3);
      layer.attach(weight.view());
      assign(parameter_of(layer, "delta.U").value, problem.u);
      assign(parameter_of(layer, "delta.V").value, problem.v);
      layer.begin_step(0, 1);
      HostMatrix<Scalar> effective(out, in, 2);
      layer.export_masked(effective.view());
      const oracle::Mat truth = oracle::effective_weight(problem);
      CHECK(distance(effective, truth) <= tolerances<Scalar>::value);
      const auto x = Draw{4}.normal<Scalar>(3, in), grad_y = Draw{5}.normal<Scalar>(3, out);
      layer.backward(x.view(), grad_y.view());
      const oracle::Mask all(static_cast<std::size_t>(out * in), 1);
      const auto grad = oracle::backward(problem, truth, all, x.template as<double>(), grad_y.template as<double>());
      CHECK(distance(parameter_of(layer, "delta.U").grad, grad.u.view()) <= tolerances<Scalar>::value);
      CHECK(distance(parameter_of(layer, "delta.V").grad, grad.v.view()) <= tolerances<Scalar>::value);
    }
}
TEST_CASE_TEMPLATE("the delta is zero at first and the attached weight is never written", T, ReferenceDouble,
                   PartsFloat) {
  using Scalar = typename T::scalar;
  const auto weight = Draw{1}.normal<Scalar>(20, 30);
  Lora<T> layer{{.in = 30, .out = 20}, {.schedule = {.sparsity = 0}}};
  layer.attach(weight.view());
  layer.begin_step(0, 1);
  HostMatrix<Scalar> effective(20, 30);
  layer.export_masked(effective.view());
  CHECK(distance(effective, weight) == 0);
  CHECK(parameter_of(layer, "delta.U").group == ParameterGroup::delta);
  CHECK(parameter_of(layer, "weight").value.data == nullptr);
}

}  // namespace
}  // namespace pst::test
