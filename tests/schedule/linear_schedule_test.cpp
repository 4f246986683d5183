// SPDX-License-Identifier: Apache-2.0
#include "pst/schedule/linear_schedule.hpp"

#include <doctest/doctest.h>

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

}  // namespace
}  // namespace pst::test
