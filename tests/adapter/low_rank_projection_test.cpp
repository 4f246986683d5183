// SPDX-License-Identifier: Apache-2.0
#include "pst/adapter/low_rank_projection.hpp"

#include <cmath>

#include "adapter/branch_tools.hpp"
#include "pst/adapter/bottleneck.hpp"
#include "pst/core/shared_parameter.hpp"

namespace pst::test {
namespace {

using LowRankBottleneck = BottleneckOf<LowRankProjection>;
static_assert(Projection<LowRankProjection, EigenCpu, float> && Projection<DenseProjection, EigenCpu, float>);

/// left * right of torch: elementwise, where one column or one row stands for as many as the other has.
HostMatrix<double> elementwise(MatrixView<const double> left, MatrixView<const double> right) {
  HostMatrix<double> product(left.rows, right.cols);
  for (index_t r = 0; r < left.rows; ++r)
    for (index_t c = 0; c < right.cols; ++c)
      product(r, c) = left(r, left.cols == 1 ? 0 : c) * right(right.rows == 1 ? 0 : r, c);
  return product;
}

TEST_CASE_TEMPLATE("the gradients of a bottleneck of low rank are its finite differences", T, ReferenceDouble,
                   PartsDouble) {
  for (const index_t rank : {1, 2, 5})
    check_branch_gradients<T>(LowRankBottleneck{.width = 4, .scale = 0.75, .projection = {.rank = rank}});
}
TEST_CASE("gradients of bottlenecks of low rank add up over batches") {
  check_gradients_add_up<EigenDouble>(LowRankBottleneck{.width = 4, .projection = {.rank = 2}});
}
TEST_CASE("a bottleneck of low rank has the same results on every backend, and for any number of threads") {
  check_branch_backends(LowRankBottleneck{.width = 5, .scale = 4.0, .projection = {.rank = 3}}, 300, 150);
  check_branch_backends(LowRankBottleneck{.width = 3}, 1, 1);
}
TEST_CASE("a bottleneck of rank r has 2 r (d + b) + b + d numbers: in BERT and in its small relative as published") {
  const auto count = [](index_t d, index_t width, index_t rank) {
    return BranchCase<EigenFloat, LowRankBottleneck>{{.width = width, .projection = {.rank = rank}}, 1, d}
        .state.parameters();
  };
  CHECK(count(384, 24, 3) == 2 * 3 * (384 + 24) + 24 + 384);
  CHECK(2 * 12 * count(768, 24, 1) == 57024);
  CHECK(2 * 6 * count(384, 12, 1) == 14256);
}
TEST_CASE("factors are multiplied as matrices; elementwise they agree for no rank above 1") {
  Reference on;
  for (const index_t rank : {1, 3}) {
    const Shape shape = rank == 1 ? Shape{.in = 4, .out = 5} : Shape{.in = rank, .out = rank};
    LowRankProjection::State<Reference, double> state{{.rank = rank}, on, shape, "a", {}};
    state.begin(on, ProjectionStart::normal, 1.0, 3);
    state.compute(on);
    std::vector<MatrixView<const double>> factors;
    state.for_each_parameter([&](const auto& each) { factors.push_back(each.value); });
    HostMatrix<double> product(shape.out, shape.in), found(shape.out, shape.in);
    on.gemm(1.0, factors[0], factors[1], product.view());
    on.map(found.view(), functors::Identity{}, state.weight());
    CHECK(distance(found, product) == 0);
    CHECK((distance(found, elementwise(factors[0], factors[1])) == 0) == (rank == 1));
  }
}
TEST_CASE("factors begin evenly by Glorot, and at the identity one of them is zero") {
  EigenCpu on;
  LowRankProjection::State<EigenCpu, double> state{{.rank = 2}, on, {.in = 300, .out = 40}, "a", {}};
  const auto largest = [&](ProjectionStart start) {
    state.begin(on, start, 1e-3, 3);
    std::vector<double> found;
    state.for_each_parameter([&](const auto& each) {
      found.push_back(0);
      for (index_t i = 0; i < each.value.size(); ++i)
        found.back() = std::max(found.back(), std::abs(each.value.data[i]));
    });
    return found;
  };
  CHECK(largest(ProjectionStart::zero)[0] == 0);
  for (const ProjectionStart start : {ProjectionStart::normal, ProjectionStart::uniform}) {
    const auto found = largest(start);
    CHECK(found[0] <= std::sqrt(12.0 / (40 + 2)));
    CHECK(found[0] > 0.9 * std::sqrt(12.0 / (40 + 2)));
    CHECK(found[1] <= std::sqrt(12.0 / (300 + 2)));
    CHECK(found[1] > 0.9 * std::sqrt(12.0 / (300 + 2)));
  }
  BranchCase<EigenFloat, LowRankBottleneck> at{{.width = 4, .start = BottleneckStart::identity}, 3, 8};
  LowRankBottleneck::State<EigenCpu, float> fresh{{.width = 4, .start = BottleneckStart::identity}, at.on, 8, "a", 1};
  fresh.forward(at.on, std::as_const(at.x).view(), at.y.view(), at.tape);
  CHECK(distance(at.y, HostMatrix<float>(3, 8)) == 0);
}
TEST_CASE("a rank below 1, and a parameter that nobody shares, are refused") {
  EigenCpu on;
  const auto make = [&](const auto& policy, const Parameter<float>& shared) {
    return error_of([&] {
      typename std::decay_t<decltype(policy)>::template State<EigenCpu, float>{
          policy, on, {.in = 4, .out = 2}, "a", shared};
    });
  };
  CHECK(make(LowRankProjection{.rank = 0}, {}) == "a low-rank projection of rank 0, expected at least 1");
  SharedParameter<EigenCpu, float> rule{"rule", ParameterGroup::delta, 4, 2};
  CHECK(make(LowRankProjection{}, rule.parameter()) ==
        "a low-rank projection is given the shared parameter rule, but shares nothing: leave it out");
  CHECK(make(DenseProjection{}, rule.parameter()) ==
        "a dense projection is given the shared parameter rule, but shares nothing: leave it out");
}

}  // namespace
}  // namespace pst::test
