// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "support/posed_layer.hpp"

namespace pst::test {
namespace {

template <class T>
using SlowMask = typename PstLayer<T>::template with<RefreshEveryKthStep>;

constexpr Case refreshed_cases[] = {
    {{1, 1}, 1, 1, 1, 0.0}, {{65, 33}, 33, 2, 4, 0.9}, {{300, 17}, 9, 3, 4, 0.7}, {{23, 130}, 5, 3, 4, 0.8}};

TEST_CASE_TEMPLATE("between refreshes the mask stays, while outputs and gradients follow the parameters", T,
                   ReferenceDouble, PartsFloat) {
  for (const Case& now : refreshed_cases)
    for (double dense_above_density : {-1.0, 1.0}) {
      CAPTURE(now.shape.in);
      CAPTURE(now.shape.out);
      CAPTURE(dense_above_density);
      Posed<SlowMask<T>> posed{now, {}, {.refresh = {.interval = 3}, .dense_above_density = dense_above_density}};
      Posed<PstLayer<T>> fresh{now, {}, {.dense_above_density = dense_above_density}};
      oracle::Mask before;
      bool moved = false;
      for (int step = 0; step < 8; ++step) {
        CAPTURE(step);
        posed.move_factors(), fresh.move_factors();
        posed.layer.begin_step(step + 1, 16), fresh.layer.begin_step(step + 1, 16);
        const oracle::Mask mask = unpacked(posed.layer.mask()), newest = unpacked(fresh.layer.mask());
        CHECK(mask == (step % 3 == 0 ? newest : before));
        moved = moved || mask != newest;
        before = mask;
        posed.pass();
        posed.check();
      }
      CHECK(moved == (now.sparsity > 0));  // or the test would show nothing
    }
}
TEST_CASE_TEMPLATE("the mask that stays is that of the step of a layer, restored ones too, and the last step moves it",
                   T, ReferenceFloat, PartsFloat) {
  Posed<SlowMask<T>> posed{refreshed_cases[1], {}, {.refresh = {.interval = 100}}};
  posed.layer.begin_step(0, 1);
  const auto first = unpacked(posed.layer.mask());
  posed.move_factors();
  posed.layer.begin_step(999, 1000);
  CHECK(unpacked(posed.layer.mask()) == first);
  posed.layer.begin_step(1, 1);
  CHECK(unpacked(posed.layer.mask()) != first);
}
TEST_CASE_TEMPLATE("a step that keeps the mask reports that nothing changed", T, ReferenceFloat, PartsFloat) {
  Posed<SlowMask<T>> posed{refreshed_cases[1], {}, {.refresh = {.interval = 2}}};
  posed.layer.begin_step(1, 8);
  posed.move_factors(), posed.layer.begin_step(2, 8);
  CHECK(posed.layer.report().churn() == 0);
  posed.layer.begin_step(3, 8);
  CHECK(posed.layer.report().churn() > 0);
  posed.move_factors(), posed.layer.begin_step(4, 8);
  CHECK(posed.layer.report().churn() == 0);
}
TEST_CASE_TEMPLATE("a weight trained in place is multiplied as it is now, under the mask of the last refresh", T,
                   ReferenceFloat, PartsFloat) {
  for (double dense_above_density : {-1.0, 1.0}) {
    typename SparseLinear<float>::with<typename T::backend>::template with<Magnitude>::template with<
        Full>::template with<ConstantSchedule>::template with<RefreshUntil>
        layer{{.in = 4, .out = 1}, {.schedule = {.sparsity = 0.5}, .dense_above_density = dense_above_density}};
    HostMatrix<float> weight(1, 4), x(1, 4), y(1, 1), grad_x(1, 4);
    weight(0, 0) = 1, weight(0, 1) = 2, weight(0, 2) = 3, weight(0, 3) = 4;
    x.fill(1), y.fill(1);
    layer.attach(weight.view());
    layer.begin_step(7, 10);
    weight(0, 0) = 10, weight(0, 3) = 5;
    layer.begin_step(71, 100);
    layer.backward(x.view(), y.view(), grad_x.view());
    layer.forward(x.view(), y.view());
    CHECK(y(0, 0) == 8);  // 3 + 5
    CHECK(grad_x(0, 0) == 0);
    CHECK(grad_x(0, 3) == 5);
    layer.begin_step(7, 10);
    layer.forward(x.view(), y.view());
    CHECK(y(0, 0) == 15);
  }
}
TEST_CASE_TEMPLATE("a step that keeps the mask names the parameter that is NaN, and can be taken again", T,
                   ReferenceDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  for (double dense_above_density : {-1.0, 1.0}) {
    Posed<SlowMask<T>> posed{
        {{65, 33}, 5, 2, 4, 0.9}, {}, {.name = "query", .dense_above_density = dense_above_density}};
    posed.layer.begin_step(1, 99);
    const auto mask = unpacked(posed.layer.mask());
    int step = 1;
    for (const char* name : {"delta.U", "delta.V", "score.A", "score.C", "bias"}) {
      const index_t row = std::string_view{name} == "score.C" || std::string_view{name} == "bias" ? 0 : 1;
      posed.layer.forward(posed.own_x.view(), posed.y.view());
      const auto before = posed.y;
      Scalar& number = parameter_of(posed.layer, name).value(row, 1);
      const Scalar good = std::exchange(number, std::numeric_limits<Scalar>::quiet_NaN());
      ++step;
      CHECK(error_of([&] { posed.layer.begin_step(step, 99); }) == "layer query: " + std::string{name} +
                                                                       " is nan at row " + std::to_string(row) +
                                                                       ", column 1, expected finite numbers");
      number = good;
      posed.layer.forward(posed.own_x.view(), posed.y.view());
      CHECK(distance(posed.y, before) == 0);
      CHECK(unpacked(posed.layer.mask()) == mask);
      posed.layer.begin_step(step, 99);
      posed.pass();
      posed.check();
    }
    posed.weight(32, 64) = std::numeric_limits<Scalar>::infinity();
    const std::string text = error_of([&] { posed.layer.begin_step(step, 99); });
    CHECK(text.starts_with("layer query: "));
    CHECK(text.find("weight") != std::string::npos);
    CHECK(text.find("row 32, column 64") != std::string::npos);
  }
}
TEST_CASE_TEMPLATE("a step that keeps the mask leaves no weight that overflows to multiply with", T, ReferenceFloat,
                   PartsFloat) {
  Posed<SlowMask<T>> posed{{{65, 33}, 5, 2, 4, 0.9}, {}, {.dense_above_density = 1}};
  posed.layer.begin_step(0, 1);
  parameter_of(posed.layer, "delta.U").value(3, 1) = 1e30F;
  parameter_of(posed.layer, "delta.V").value(1, 2) = 1e30F;
  CHECK_THROWS_AS(posed.layer.begin_step(2, 9), Error);
  CHECK(error_of([&] { posed.pass(); }) == "layer: call begin_step or refresh before forward");
  posed.put_factors();
  posed.layer.begin_step(0, 1);
  posed.pass();
  posed.check();
}
TEST_CASE_TEMPLATE("with mask and scores at rest, steps follow the oracle", T, ReferenceDouble, PartsFloat) {
  using Layer = typename SlowMask<T>::template with<ScoreEveryKthStep>;
  for (const Case& now : refreshed_cases) {
    Posed<Layer> posed{now, oracle::Rule::reference, {.score_gradient = {.interval = 2}, .refresh = {.interval = 3}}};
    for (int step = 0; step < 7; ++step) {
      CAPTURE(step);
      posed.move_factors();
      posed.layer.begin_step(step + 1, 14);
      posed.pass();
      const bool learns = step % 2 == 0;
      posed.problem.rule = learns ? oracle::Rule::reference : oracle::Rule::masked;
      posed.check({.any = learns});
    }
  }
}

}  // namespace
}  // namespace pst::test
