// SPDX-License-Identifier: Apache-2.0
#include "pst/adapter/rescale.hpp"

#include "adapter/branch_tools.hpp"

namespace pst::test {
namespace {

TEST_CASE_TEMPLATE("the gradients of a rescaling are its finite differences", T, ReferenceDouble, PartsDouble) {
  check_branch_gradients<T>(Rescale{});
}
TEST_CASE("a rescaling has the same results on every backend, and for any number of threads") {
  check_branch_backends(Rescale{}, 300, 150);
  check_branch_backends(Rescale{}, 1, 1);
}
TEST_CASE("a rescaling begins with every bit of its input, has a number a feature, and then multiplies") {
  EigenCpu on;
  Rescale::State<EigenCpu, float> state{{}, on, 4, "a", 1};
  Rescale::State<EigenCpu, float>::Tape tape;
  CHECK(state.parameters() == 4);
  auto x = Draw{1}.normal<float>(3, 4);
  const auto before = x;
  state.forward(on, std::as_const(x).view(), x.view(), tape);
  CHECK(distance(x, before) == 0);
  state.for_each_parameter([](const auto& p) { p.value(0, 2) = 3; });
  state.forward(on, std::as_const(x).view(), x.view(), tape);
  for (index_t r = 0; r < 3; ++r) {
    CHECK(x(r, 0) == before(r, 0));
    CHECK(x(r, 2) == doctest::Approx(3 * before(r, 2)));
  }
  CHECK(state.scale()(0, 2) == 3);
  CHECK_THROWS_WITH_AS(state.forward(on, Draw{1}.normal<float>(3, 5).view(), x.view(), tape),
                       "activations have 5 columns, the rescaling expects 4", Error);
  const auto more = Draw{1}.normal<float>(4, 4);
  CHECK_THROWS_WITH_AS(state.forward(on, more.view(), x.view(), tape),
                       "activations have 3 rows, the rescaling is given an x of 4", Error);
  CHECK_THROWS_WITH_AS(state.backward(on, more.view(), tape, more.view(), x.view()),
                       "activations have 3 rows, the rescaling is given an x of 4", Error);
}

}  // namespace
}  // namespace pst::test
