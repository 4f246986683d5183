// SPDX-License-Identifier: Apache-2.0
#include "pst/schedule/linear_schedule.hpp"

#include <doctest/doctest.h>

#include "support/test_types.hpp"

namespace pst::test {
namespace {

TEST_CASE("the linear schedule rises evenly from the first step to the last") {
  const LinearSchedule schedule{.initial_sparsity = 0.25, .final_sparsity = 0.75};
  CHECK(schedule.sparsity_at(0) == 0.25);
  CHECK(schedule.sparsity_at(0.25) == 0.375);
  CHECK(schedule.sparsity_at(0.5) == 0.5);
  CHECK(schedule.sparsity_at(1) == 0.75);
  CHECK(schedule.sparsity_at(32, 128) == 0.375);
  CHECK(schedule.sparsity_at(128, 128) == 0.75);
}
TEST_CASE("the linear schedule explains sparsities that no mask has") {
  const auto refusal = [](LinearSchedule schedule) { return error_of([&] { schedule.check(); }); };
  CHECK(refusal({}) == "nothing was thrown");
  CHECK(refusal({.initial_sparsity = -0.5}) == "LinearSchedule.initial_sparsity is -0.5, expected a number in [0, 1)");
  CHECK(refusal({.final_sparsity = 2}) == "LinearSchedule.final_sparsity is 2, expected a number in [0, 1)");
}

}  // namespace
}  // namespace pst::test
