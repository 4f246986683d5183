// SPDX-License-Identifier: Apache-2.0
#include "pst/schedule/cubic_schedule.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "support/test_types.hpp"
#include "support/tolerances.hpp"

namespace pst::test {
namespace {

constexpr double six_digits = 0.5e-6;         // half a unit of the sixth decimal
constexpr double steepest_rise = 7.2 * 1.01;  // at the end of the warm-up: 3 (0.8 - 0.2) / (1 - 0.25 - 0.5)

TEST_CASE("the cubic schedule of 1000 steps has the values of the published formula") {
  // Worked out by hand from 0.9 - 0.9 (1 - (t - 100) / 600)^3, to the digits given.
  const CubicSchedule schedule;
  CHECK(schedule.sparsity_at(0, 1000) == 0);
  CHECK(schedule.sparsity_at(100, 1000) == 0);
  CHECK(std::abs(schedule.sparsity_at(101, 1000) - 0.004493) < six_digits);
  CHECK(std::abs(schedule.sparsity_at(250, 1000) - 0.5203125) <= tolerances<double>::value);
  CHECK(std::abs(schedule.sparsity_at(400, 1000) - 0.7875) <= tolerances<double>::value);
  CHECK(std::abs(schedule.sparsity_at(550, 1000) - 0.885938) < six_digits);
  CHECK(std::abs(schedule.sparsity_at(700, 1000) - 0.9) <= tolerances<double>::value);
  CHECK(schedule.sparsity_at(701, 1000) == 0.9);
  CHECK(schedule.sparsity_at(1000, 1000) == 0.9);
}
TEST_CASE("progress from 0 to 1 and steps of a run give the same sparsity") {
  const CubicSchedule schedule{.initial_sparsity = 0.2, .final_sparsity = 0.8, .warmup = 0.25, .cooldown = 0.5};
  for (int step = 0; step <= 64; ++step)
    CHECK(std::abs(schedule.sparsity_at(step / 64.0) - schedule.sparsity_at(step, 64)) <= tolerances<double>::value);
}
TEST_CASE("the cubic schedule never falls, starts and ends as told, and has no jump") {
  const CubicSchedule schedule{.initial_sparsity = 0.2, .final_sparsity = 0.8, .warmup = 0.25, .cooldown = 0.5};
  CHECK(schedule.sparsity_at(0.25) == 0.2);
  CHECK(schedule.sparsity_at(0.375) == 0.8 - 0.6 * 0.125);
  double before = schedule.sparsity_at(0);
  CHECK(before == 0.2);
  for (int step = 1; step <= 10000; ++step) {
    const double now = schedule.sparsity_at(step / 10000.0);
    if (now < before || now - before > steepest_rise / 10000) FAIL("at step " << step);
    before = now;
  }
  CHECK(before == 0.8);
}
TEST_CASE("without a warm-up or a cool-down the cubic schedule fills the run") {
  const CubicSchedule schedule{.final_sparsity = 0.8, .warmup = 0, .cooldown = 0};
  CHECK(schedule.sparsity_at(0) == 0);
  CHECK(schedule.sparsity_at(0.5) == 0.8 - 0.8 * 0.125);
  CHECK(schedule.sparsity_at(1) == 0.8);
  const CubicSchedule step{.final_sparsity = 0.8, .warmup = 0.5, .cooldown = 0.5};
  CHECK(step.sparsity_at(0.5) == 0);
  CHECK(step.sparsity_at(0.5000001) == 0.8);
}
TEST_CASE("a run that is warm-up and cool-down alone has their sparsities and no others") {
  for (const double steps : {1.0, 7.0, 10.0, 49.0, 1000.0, 12345.0})
    for (const double warmup : {0.1, 0.3, 0.6, 0.7, 0.9}) {
      const CubicSchedule schedule{.final_sparsity = 0.8, .warmup = warmup, .cooldown = 1 - warmup};
      for (int part = 0; part <= 1000; ++part) {
        const double sparsity = schedule.sparsity_at(part * steps / 1000, steps);
        if (sparsity != 0 && sparsity != 0.8) FAIL("at " << part << " of 1000 parts of " << steps << " steps");
      }
      const double edge = schedule.sparsity_at(std::nextafter(warmup * steps, steps), steps);
      CHECK((edge == 0 || edge == 0.8));
    }
}
TEST_CASE("the cubic schedule explains numbers that mean nothing") {
  const auto refusal = [](CubicSchedule schedule) { return error_of([&] { schedule.check(); }); };
  CHECK(refusal({}) == "nothing was thrown");
  CHECK(refusal({.warmup = 0.5, .cooldown = 0.5}) == "nothing was thrown");
  CHECK(refusal({.initial_sparsity = 2}) == "CubicSchedule.initial_sparsity is 2, expected a number in [0, 1)");
  CHECK(refusal({.final_sparsity = 1}) == "CubicSchedule.final_sparsity is 1, expected a number in [0, 1)");
  CHECK(refusal({.initial_sparsity = std::nan("")}) ==
        "CubicSchedule.initial_sparsity is nan, expected a number in [0, 1)");
  const std::string expected = ", expected fractions of the run that are together at most 1";
  CHECK(refusal({.warmup = 0.8}) == "CubicSchedule.warmup is 0.8 and cooldown is 0.3" + expected);
  CHECK(refusal({.warmup = 1.5, .cooldown = 0}) == "CubicSchedule.warmup is 1.5 and cooldown is 0" + expected);
  CHECK(refusal({.warmup = 0, .cooldown = 2}) == "CubicSchedule.warmup is 0 and cooldown is 2" + expected);
  CHECK(refusal({.warmup = -0.5}) == "CubicSchedule.warmup is -0.5 and cooldown is 0.3" + expected);
}

}  // namespace
}  // namespace pst::test
