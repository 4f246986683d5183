// SPDX-License-Identifier: Apache-2.0
#include "pst/rank/rank.hpp"

#include <doctest/doctest.h>

#include "pst/rank/dynamic_rank.hpp"
#include "support/test_types.hpp"

namespace pst::test {
namespace {

TEST_CASE("a fixed rank is what its type says") {
  Reference on;
  CHECK(Rank<>{}.choose(on, MatrixView<const float>{}) == 8);
  CHECK(Rank<3>{}.choose(on, MatrixView<const float>{}) == 3);
}
TEST_CASE("a dynamic rank is its value, which is at least 1") {
  Reference on;
  const MatrixView<const float> weight;
  CHECK(DynamicRank{}.choose(on, weight) == 8);
  CHECK(DynamicRank{1}.choose(on, weight) == 1);
  CHECK(error_of([&] { (void)DynamicRank{0}.choose(on, weight); }) == "DynamicRank is 0, expected at least 1");
  CHECK(error_of([&] { (void)DynamicRank{-4}.choose(on, weight); }) == "DynamicRank is -4, expected at least 1");
}

}  // namespace
}  // namespace pst::test
