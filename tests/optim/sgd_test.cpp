// SPDX-License-Identifier: Apache-2.0
#include "pst/optim/sgd.hpp"

#include <doctest/doctest.h>

#include "support/optimizer_tools.hpp"

namespace pst::test {
namespace {

TEST_CASE("the first steps of Sgd are those of the formulas") {
  // rate 0.5, momentum 0.5, decay 0.25; value 4; gradients 1, then 0, by hand:
  // step 1: v = 1 + 0.25 * 4 = 2, value = 4 - 0.5 * 2 = 3; step 2: v = 0.5 * 2 + 0.25 * 3 = 1.75, value = 2.125
  Sgd<float> optimizer{{.learning_rate = 0.5, .momentum = 0.5, .weight_decay = 0.25}};
  Trained<float> one{1, 1};
  one.value(0, 0) = 4, one.grad(0, 0) = 1;
  optimizer.step(one.list());
  CHECK(one.value(0, 0) == 3.0F);
  one.grad(0, 0) = 0;
  optimizer.step(one.list());
  CHECK(one.value(0, 0) == 2.125F);
}
TEST_CASE_TEMPLATE("without momentum Sgd goes down the gradient and stores nothing", Scalar, float, double) {
  Sgd<Scalar> optimizer{{.learning_rate = 0.25}};
  Trained<Scalar> one{3, 5, 2};
  one.value = Draw{1}.grid<Scalar>(3, 5, 2), one.grad = Draw{2}.grid<Scalar>(3, 5, 2);
  auto expected = one.value;
  for (index_t r = 0; r < 3; ++r)
    for (index_t c = 0; c < 5; ++c) expected(r, c) -= one.grad(r, c) / 8;
  optimizer.step(one.list(), 0.5);
  CHECK(distance(one.value, expected) == 0);
  CHECK(one.value.gap_is_untouched());
  CHECK(optimizer.bytes() == 0);
}
TEST_CASE_TEMPLATE("Sgd finds the minimum of a quadratic", Scalar, float, double) {
  Sgd<Scalar> plain{{.learning_rate = 0.1}}, heavy{{.learning_rate = 0.02, .momentum = 0.8}};
  CHECK(steps_to_minimum<Scalar>(plain) < 2000);
  CHECK(steps_to_minimum<Scalar>(heavy) < 2000);
}
TEST_CASE("Sgd keeps what optimizers promise, with momentum and without") {
  check_promises<Sgd, float>();
  check_promises<Sgd, float>({.momentum = 0.9});
  check_promises<Sgd, double>({.momentum = 0.9});
}

}  // namespace
}  // namespace pst::test
