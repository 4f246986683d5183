// SPDX-License-Identifier: Apache-2.0
#include "pst/optim/adamw.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "support/optimizer_tools.hpp"

namespace pst::test {
namespace {

TEST_CASE("the first steps of AdamW are those of the formulas") {
  // rate 0.1, betas 0.5 and 0.75, epsilon 0, decay 0.5; value 1; gradients 2, then -4, by hand:
  // step 1: m = 1, v = 1; m^ = 2, v^ = 4; value = 0.95 * 1 - 0.1 * 2 / 2 = 0.85
  // step 2: m = -1.5, v = 4.75; m^ = -2, v^ = 4.75 / 0.4375; value = 0.95 * 0.85 + 0.1 * 2 / sqrt(v^)
  AdamW<double> optimizer{{.learning_rate = 0.1, .beta1 = 0.5, .beta2 = 0.75, .epsilon = 0, .weight_decay = 0.5}};
  Trained<double> one{1, 1};
  one.value(0, 0) = 1, one.grad(0, 0) = 2;
  optimizer.step(one.list());
  CHECK(std::abs(one.value(0, 0) - 0.85) <= tolerances<double>::value);
  one.grad(0, 0) = -4;
  optimizer.step(one.list());
  CHECK(std::abs(one.value(0, 0) - (0.8075 + 0.2 / std::sqrt(4.75 / 0.4375))) <= tolerances<double>::value);
}
TEST_CASE_TEMPLATE("AdamW is the published recurrence on every element, whatever the stride", Scalar, float, double) {
  AdamW<Scalar> optimizer{{.learning_rate = 0.02, .weight_decay = 0.1}};
  Trained<Scalar> one{5, 7, 3};
  one.value = Draw{1}.normal<Scalar>(5, 7, 3);
  auto value = one.value.template as<double>();
  oracle::Mat mean(5, 7), square(5, 7);
  for (int step = 1; step <= 20; ++step) {
    one.grad = Draw{static_cast<std::uint64_t>(step)}.normal<Scalar>(5, 7, 3);
    const double scale = 1.0 / step;
    optimizer.step(one.list(), scale);
    for (index_t r = 0; r < 5; ++r)
      for (index_t c = 0; c < 7; ++c) {
        const double g = one.grad(r, c), rate = 0.02 * scale;
        mean(r, c) = 0.9 * mean(r, c) + 0.1 * g;
        square(r, c) = 0.999 * square(r, c) + 0.001 * g * g;
        const double m = mean(r, c) / (1 - std::pow(0.9, step)), v = square(r, c) / (1 - std::pow(0.999, step));
        value(r, c) = value(r, c) * (1 - rate * 0.1) - rate * m / (std::sqrt(v) + 1e-8);
      }
    CHECK(distance(one.value, value) <= tolerances<Scalar>::value);
  }
  CHECK(one.value.gap_is_untouched());
  CHECK(optimizer.bytes() == 2 * 5 * 7 * sizeof(Scalar));
}
TEST_CASE_TEMPLATE("AdamW finds the minimum of a quadratic", Scalar, float, double) {
  AdamW<Scalar> optimizer{{.learning_rate = 0.05}};
  CHECK(steps_to_minimum<Scalar>(optimizer) < 2000);
}
TEST_CASE("AdamW keeps what optimizers promise") {
  check_promises<AdamW, float>();
  check_promises<AdamW, double>();
}
TEST_CASE("AdamW refuses the state of an optimizer with other moments") {
  Trained<float> one{2, 3};
  AdamW<float> optimizer;
  Sgd<float> other{{.momentum = 0.9}};
  other.step(one.list());
  CHECK(error_of([&] { optimizer.restore(other.save()); }) ==
        "tensor steps is not of an optimizer that remembers 2 numbers for each element");
}

}  // namespace
}  // namespace pst::test
