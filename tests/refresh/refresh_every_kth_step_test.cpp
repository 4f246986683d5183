// SPDX-License-Identifier: Apache-2.0
#include "pst/refresh/refresh_every_kth_step.hpp"

#include <doctest/doctest.h>

#include <initializer_list>

namespace pst::test {
namespace {

constexpr RefreshEveryKthStep third{.interval = 3};
static_assert(third.refreshes(0, 0) && !third.refreshes(0, 1) && !third.refreshes(0.9, 2) && third.refreshes(0.9, 3));

TEST_CASE("the mask moves in the last step, too") {
  CHECK_FALSE(third.refreshes(0.999, 4));
  CHECK(third.refreshes(1, 4));
}
TEST_CASE("an interval of one or none is every step") {
  for (std::uint64_t interval : {0U, 1U})
    for (std::uint64_t step : {0U, 1U, 2U, 3U}) CHECK(RefreshEveryKthStep{interval}.refreshes(0.5, step));
}

}  // namespace
}  // namespace pst::test
