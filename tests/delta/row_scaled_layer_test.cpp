// SPDX-License-Identifier: Apache-2.0
#include "pst/delta/row_scaled.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "support/layer_tools.hpp"
#include "support/stored_ways.hpp"

namespace pst::test {
namespace {

/// PST whose weight has rows that are scaled.
template <class T>
using ScaledPst = SparseLinear<typename T::scalar, Sum<Magnitude, LowRankScore<DynamicRank>, RowColumnScore>,
                               RowScaled<LowRank<DynamicRank>>, TopK, ConstantSchedule, MaskedGradient, FrozenBias,
                               typename T::backend>;

TEST_CASE("DoRA has the same bits on any number of threads, in a clone, and after it was restored") {
  using Layer = SparseLinear<>::with<RowScaled<>>;
  const Shape shape{.in = 90, .out = 290};  // in four parts
  const auto weight = Draw{1}.normal<float>(shape.out, shape.in);
  const auto x = Draw{4}.normal<float>(20, shape.in), grad_y = Draw{5}.normal<float>(20, shape.out);
  const auto train = [&](Layer& layer) {
    std::vector<float> trace;
    HostMatrix<float> y(20, shape.out), grad_x(20, shape.in);
    for (const int step : {5, 6, 7}) {
      layer.begin_step(step, 7);
      layer.forward(x.view(), y.view());
      layer.backward(x.view(), grad_y.view(), grad_x.view());
      layer.for_each_parameter([&](const auto& p) {
        for (index_t r = 0; r < p.value.rows; ++r)
          for (index_t c = 0; c < p.value.cols; ++c) {
            p.value(r, c) -= 1e-3F * p.grad(r, c);
            trace.push_back(p.grad(r, c));
          }
      });
      for (index_t r = 0; r < 20; ++r) trace.insert(trace.end(), y.view().row(r), y.view().row(r) + shape.out);
    }
    return trace;
  };
  Layer one{shape, {}, EigenCpu{1}}, four{shape, {}, EigenCpu{4}};
  one.attach(weight.view()), four.attach(weight.view());
  CHECK(train(one) == train(four));
  Layer copy = one.clone(EigenCpu{2}), restored{shape, {.seed = 9}, EigenCpu{2}};
  restored.attach(weight.view());
  restored.restore(one.save());
  CHECK(copy.save_bytes() == one.save_bytes());
  HostMatrix<float> expected(20, shape.out), found(20, shape.out);
  copy.forward(x.view(), found.view());  // of parameters at the last refresh
  one.forward(x.view(), expected.view());
  CHECK(distance(found, expected) == 0);
  const auto trace = train(one);
  CHECK(train(copy) == trace);
  CHECK(train(restored) == trace);
}

TEST_CASE("what is stored in 16 bits or by columns is scaled as what is stored by rows") {
  const Shape shape{.in = 40, .out = 30};
  StoredWays weight{shape};
  using Layer = ScaledPst<EigenFloat>;
  const typename Layer::Options options{.schedule = {.sparsity = 0.3}, .name = "x"};
  Layer plain{shape, options}, by_columns{shape, options};
  Layer::with<StoredAs<BFloat16>> stored{shape, {.schedule = {.sparsity = 0.3}, .name = "x"}};
  weight.attach(plain, by_columns, stored);
  const auto gradients = [&](auto& layer) {
    return gradients_with(layer, "delta.V", Draw{7}.normal<float>(8, shape.in));
  };
  const std::vector<float> expected = gradients(plain);
  CHECK(gradients(by_columns) == expected);
  CHECK(gradients(stored) == expected);
}

TEST_CASE("a refresh that is refused leaves the rows as they were") {
  const Shape shape{.in = 6, .out = 4};
  const auto weight = Draw{1}.normal<float>(shape.out, shape.in);
  ScaledPst<ReferenceFloat> layer{shape, {.schedule = {.sparsity = 0}}};
  layer.attach(weight.view());
  layer.begin_step(0, 2);
  const auto m = parameter_of(layer, "delta.m"), a = parameter_of(layer, "score.A");
  m.value(0, 0) *= 2;
  a.value(0, 0) = std::numeric_limits<float>::infinity();
  CHECK(error_of([&] { layer.begin_step(1, 2); }).starts_with("layer: score.A is inf"));
  HostMatrix<float> effective(shape.out, shape.in);
  layer.export_masked(effective.view());
  CHECK(distance(effective, weight) == 0);
}
TEST_CASE("lengths that are not finite, and norms that overflow, are refused by name") {
  const Shape shape{.in = 4, .out = 3};
  auto weight = Draw{1}.normal<float>(shape.out, shape.in);
  ScaledPst<ReferenceFloat> layer{shape, {.schedule = {.sparsity = 0}, .name = "x"}};
  layer.attach(weight.view());
  parameter_of(layer, "delta.m").value(1, 0) = std::numeric_limits<float>::quiet_NaN();
  CHECK(error_of([&] { layer.begin_step(0, 1); }) ==
        "layer x: delta.m is nan at row 1, column 0, expected finite numbers");
  weight(2, 0) = 1e30F;
  ScaledPst<ReferenceFloat> large{shape, {.schedule = {.sparsity = 0}, .name = "x"}};
  large.attach(weight.view());
  CHECK(error_of([&] { large.begin_step(0, 1); }) ==
        "layer x: delta.m is nan at row 2, column 0, expected finite numbers");
}

}  // namespace
}  // namespace pst::test
