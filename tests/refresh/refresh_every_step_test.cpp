// SPDX-License-Identifier: Apache-2.0
#include "pst/refresh/refresh_every_step.hpp"

#include <doctest/doctest.h>

#include <initializer_list>

namespace pst::test {
namespace {

static_assert(RefreshEveryStep{}.refreshes(0.5, 17));

TEST_CASE("the mask moves in every step") {
  for (std::uint64_t step : {0U, 1U, 1000U}) CHECK(RefreshEveryStep{}.refreshes(1, step));
}

}  // namespace
}  // namespace pst::test
