// SPDX-License-Identifier: Apache-2.0
#include "pst/schedule/constant_schedule.hpp"

#include <doctest/doctest.h>

#include <initializer_list>

namespace pst::test {
namespace {

TEST_CASE("the constant schedule gives the same sparsity at every step") {
  for (double step : {0.0, 0.3, 1.0}) CHECK(ConstantSchedule{.sparsity = 0.7}.sparsity_at(step) == 0.7);
  CHECK(ConstantSchedule{}.sparsity_at(13, 100) == 0.9);
}

}  // namespace
}  // namespace pst::test
