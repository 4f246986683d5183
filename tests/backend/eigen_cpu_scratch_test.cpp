// SPDX-License-Identifier: Apache-2.0
#include "pst/backend/eigen_cpu/scratch.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <new>
#include <vector>

#include "support/layer_tools.hpp"
#include "support/sanitizers.hpp"

namespace pst::test {
namespace {

/// A layer with its batch and its results.
template <class Layer>
struct Member {
  using Scalar = typename Layer::scalar;
  Draw draw;
  HostMatrix<Scalar> weight, x, grad_y, y, grad_x;
  Layer layer;

  Member(Shape shape, index_t tokens, const typename Layer::backend& on)
      : draw{static_cast<std::uint64_t>(shape.in)},
        weight{draw.normal<Scalar>(shape.out, shape.in)},
        x{draw.normal<Scalar>(tokens, shape.in, 1)},
        grad_y{draw.normal<Scalar>(tokens, shape.out, 1)},
        y(tokens, shape.out),
        grad_x(tokens, shape.in),
        layer{shape, {}, on} {}
  /// Everything that it has computed and learnt, bit for bit.
  [[nodiscard]] std::vector<OrderKey<Scalar>> bits() {
    std::vector<OrderKey<Scalar>> out;
    const auto add = [&](auto view) {
      for (index_t r = 0; r < view.rows; ++r)
        for (index_t c = 0; c < view.cols; ++c) out.push_back(std::bit_cast<OrderKey<Scalar>>(Scalar{view(r, c)}));
    };
    add(y.view()), add(grad_x.view());
    layer.for_each_parameter([&](const auto& p) { add(p.value), add(p.grad); });
    return out;
  }
};
template <class Layer>
void attach(Member<Layer>& member) {
  member.layer.attach(member.weight.view());
}

/// Trains layers of several shapes, all of which take a step before the first of them goes on.
template <class Layer>
std::vector<std::vector<OrderKey<typename Layer::scalar>>> trained(bool share, int threads) {
  const typename Layer::backend first{threads};
  const auto on = [&] { return share ? first : typename Layer::backend{threads}; };
  std::deque<Member<Layer>> members;
  members.emplace_back(Shape{67, 41}, 19, on());
  members.emplace_back(Shape{30, 20}, 130, on());
  members.emplace_back(Shape{20, 300}, 3, on());
  for (auto& member : members) attach(member);
  for (int step : {1, 3, 5}) {
    if (step == 5) attach(members.emplace_back(Shape{400, 310}, 40, on()));  // the largest comes last
    for (auto& member : members) member.layer.begin_step(step, 5);
    for (auto& member : members) member.layer.forward(member.x.view(), member.y.view());
    for (auto& member : members) member.layer.backward(member.x.view(), member.grad_y.view(), member.grad_x.view());
    for (auto& member : members) Sgd<typename Layer::scalar>{{.learning_rate = 0.01}}.step(parameters_of(member.layer));
  }
  std::vector<std::vector<OrderKey<typename Layer::scalar>>> all;
  for (auto& member : members) all.push_back(member.bits());
  return all;
}

using Default = SparseLinear<>;

TEST_CASE_TEMPLATE("layers that share one EigenCpu have the bits of layers with their own", Layer, Default,
                   Default::with<double>, Default::with<InParts<EigenCpu>>, Default::with<ScoreTokenSample>,
                   Default::with<ScoreEveryKthStep>::with<RefreshEveryKthStep>) {
  const auto alone = trained<Layer>(false, 1);
  for (int threads : {1, 2, 3}) {
    CAPTURE(threads);
    CHECK(trained<Layer>(true, threads) == alone);
  }
}
TEST_CASE("layers that share one EigenCpu have as much scratch memory as the largest, copies of two have two") {
  const HostMatrix<float> small(20, 30), large(300, 400);
  const auto scratch = [](Default& layer) { return layer.report().scratch_bytes; };
  const auto begin = [](Default& layer, const HostMatrix<float>& weight) {
    layer.attach(weight.view());
    layer.begin_step(0, 1);
  };
  Default alone_small{{.in = 30, .out = 20}, {}, EigenCpu{2}}, alone_large{{.in = 400, .out = 300}, {}, EigenCpu{2}};
  begin(alone_small, small), begin(alone_large, large);
  CHECK(scratch(alone_small) < scratch(alone_large));

  const EigenCpu on{2};
  Default shared_small{{.in = 30, .out = 20}, {}, on}, shared_large{{.in = 400, .out = 300}, {}, on};
  begin(shared_small, small);
  CHECK(scratch(shared_small) == scratch(alone_small));
  begin(shared_large, large);
  CHECK(scratch(shared_small) == scratch(alone_large));
  CHECK(scratch(shared_large) == scratch(alone_large));
}
TEST_CASE("scratch memory grows with what is asked for, and never shrinks") {
  eigen_cpu::Scratch scratch;
  scratch.reserve(2, 100);
  CHECK(scratch.bytes() >= 200);
  CHECK(scratch.of(1) - scratch.of(0) >= 100);
  CHECK(reinterpret_cast<std::uintptr_t>(scratch.of(1)) % 64 == 0);
  const std::size_t bytes = scratch.bytes();
  scratch.reserve(2, 10);
  CHECK(scratch.bytes() == bytes);
  scratch.reserve(2, 1000);
  CHECK(scratch.bytes() >= 2000);
  scratch.reserve(4, 10);
  CHECK(scratch.bytes() >= 4000);
}
TEST_CASE("scratch memory that cannot grow stays as it was" * doctest::skip(large_allocations_abort)) {
  eigen_cpu::Scratch scratch;
  scratch.reserve(2, 100);
  const std::size_t bytes = scratch.bytes();
  const auto distance = scratch.of(1) - scratch.of(0);
  std::byte* const memory = scratch.of(0);
  CHECK_THROWS_AS(scratch.reserve(2, std::size_t{1} << 56), std::bad_alloc);
  CHECK(scratch.bytes() == bytes);
  CHECK(scratch.of(0) == memory);
  CHECK(scratch.of(1) - scratch.of(0) == distance);
  scratch.reserve(2, 1000);
  CHECK(scratch.bytes() >= 2000);
}

}  // namespace
}  // namespace pst::test
