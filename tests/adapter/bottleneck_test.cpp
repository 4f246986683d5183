// SPDX-License-Identifier: Apache-2.0
#include "pst/adapter/bottleneck.hpp"

#include <cmath>
#include <limits>

#include "adapter/branch_tools.hpp"

namespace pst::test {
namespace {

constexpr Activation activations[] = {Activation::relu, Activation::gelu, Activation::gelu_tanh, Activation::silu};

TEST_CASE_TEMPLATE("the gradients of a bottleneck are its finite differences", T, ReferenceDouble, PartsDouble) {
  for (const Activation activation : activations)
    check_branch_gradients<T>(Bottleneck{.width = 4, .scale = 0.75, .activation = activation});
}
TEST_CASE("a bottleneck has the same results on every backend, and for any number of threads") {
  for (const Activation activation : activations)
    check_branch_backends(Bottleneck{.width = 5, .scale = 4.0, .activation = activation}, 300, 150);
  check_branch_backends(Bottleneck{.width = 3}, 1, 1);
}
TEST_CASE("a bottleneck has 2 d b + b + d numbers") {
  BranchCase<EigenFloat, Bottleneck> at{{.width = 24}, 1, 384};
  CHECK(at.state.parameters() == 2 * 384 * 24 + 24 + 384);
  index_t visited = 0;
  at.state.for_each_parameter([&](const auto& p) { visited += p.value.size(); });
  CHECK(visited == at.state.parameters());
}
TEST_CASE("what is computed by hand") {
  EigenCpu on;
  Bottleneck::State<EigenCpu, double> state{{.width = 1, .scale = 2.0, .activation = Activation::relu}, on, 2, "a", 1};
  std::vector<std::vector<double>> values{{1, -1}, {0.5}, {3, 4}, {0.25, -1}};
  std::string names;
  std::size_t i = 0;
  state.for_each_parameter([&](const auto& p) {
    names += std::string{p.name} + ' ';
    for (index_t n = 0; n < p.value.size(); ++n) p.value.data[n] = values[i][static_cast<std::size_t>(n)];
    ++i;
  });
  CHECK(names == "a.down a.down_bias a.up a.up_bias ");
  double x[] = {2, 1, 0, 5}, y[] = {10, 20, 30, 40};  // hidden: 1.5, and -4.5, which relu drops
  Bottleneck::State<EigenCpu, double>::Tape tape;
  state.forward(on, MatrixView<const double>{x, 2, 2}, MatrixView<double>{y, 2, 2}, tape);
  CHECK(y[0] == 10 + 2 * (4.5 + 0.25));
  CHECK(y[1] == 20 + 2 * (6.0 - 1));
  CHECK(y[2] == 30.5);
  CHECK(y[3] == 38);
}
TEST_CASE("a bottleneck begins at or near the identity") {
  EigenCpu on;
  const auto x = Draw{1}.normal<float>(5, 100);
  const auto begun = [&](const Bottleneck& branch, std::uint64_t seed) {
    Bottleneck::State<EigenCpu, float> state{branch, on, 100, "a", seed};
    Bottleneck::State<EigenCpu, float>::Tape tape;
    HostMatrix<float> y(5, 100);
    state.forward(on, x.view(), y.view(), tape);
    return y;
  };
  const HostMatrix<float> zero(5, 100);
  CHECK(distance(begun({.start = BottleneckStart::identity}, 1), zero) == 0);
  const auto near = begun({.deviation = 1e-2}, 1);
  CHECK(distance(near, zero) > 0);
  CHECK(distance(near, zero) < 0.05);
  CHECK(distance(begun({.deviation = 1e-2}, 1), near) == 0);
  CHECK(distance(begun({.deviation = 1e-2}, 2), near) > 0);
  Bottleneck::State<EigenCpu, float> drawn{{.width = 50, .start = BottleneckStart::identity}, on, 100, "a", 1};
  double largest = 0;
  drawn.for_each_parameter([&](const auto& p) {
    for (index_t n = 0; n < p.value.size(); ++n) largest = std::max(largest, std::abs(double{p.value.data[n]}));
  });
  CHECK(largest <= 0.1);
  CHECK(largest > 0.099);
}
TEST_CASE("NaN goes through every activation") {
  for (const Activation activation : activations)
    CHECK(std::isnan(functors::Activate{activation}(std::numeric_limits<float>::quiet_NaN())));
}
TEST_CASE("forward and backward allocate a tape once, and refuse other widths") {
  BranchCase<EigenFloat, Bottleneck> at{{.width = 4}, 20, 8};
  const HostMatrix<float> narrow(3, 7);
  HostMatrix<float> y(3, 7);
  CHECK_THROWS_WITH_AS(at.state.forward(at.on, narrow.view(), y.view(), at.tape),
                       "activations have 7 columns, the bottleneck expects 8", Error);
  const HostMatrix<float> x(20, 8), few(19, 8);
  HostMatrix<float> out(20, 8), short_out(19, 8);
  CHECK_THROWS_WITH_AS(at.state.forward(at.on, x.view(), short_out.view(), at.tape),
                       "activations have 19 rows, the bottleneck is given an x of 20", Error);
  at.state.forward(at.on, x.view(), out.view(), at.tape);
  CHECK_THROWS_WITH_AS(at.state.backward(at.on, x.view(), at.tape, few.view(), {}),
                       "activations have 19 rows, the bottleneck is given an x of 20", Error);
  CHECK_THROWS_WITH_AS(at.state.backward(at.on, x.view(), at.tape, x.view(), short_out.view()),
                       "activations have 19 rows, the bottleneck is given an x of 20", Error);
  CHECK_THROWS_WITH_AS(at.state.backward(at.on, few.view(), at.tape, few.view(), {}),
                       "the tape of the bottleneck is of 20 rows, x has 19: give backward what forward was given",
                       Error);
  CHECK(error_of([] {
          BranchCase<EigenFloat, Bottleneck>{{.width = 0}, 3, 7};
        }) == "a bottleneck of 0 features within 7, expected at least 1 of both");
}

}  // namespace
}  // namespace pst::test
