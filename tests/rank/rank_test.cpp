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
  const MatrixView<const float> weight{nullptr, 9, 4};
  CHECK(DynamicRank{}.choose(on, weight) == 8);
  CHECK(DynamicRank{1}.choose(on, weight) == 1);
  CHECK(error_of([&] { (void)DynamicRank{0}.choose(on, weight); }) == "DynamicRank is 0, expected at least 1");
  CHECK(error_of([&] { (void)DynamicRank{-4}.choose(on, weight); }) == "DynamicRank is -4, expected at least 1");
}
TEST_CASE("a dynamic rank above both sides of the weight is refused") {
  Reference on;
  const MatrixView<const float> weight{nullptr, 9, 4};
  CHECK(DynamicRank{9}.choose(on, weight) == 9);
  const auto refusal = [&](index_t rank) { return error_of([&] { (void)DynamicRank{rank}.choose(on, weight); }); };
  const std::string expected = ", expected at most 9, the longer side of a weight of 9 x 4";
  CHECK(DynamicRank{}.choose(on, MatrixView<const float>{nullptr, 1, 1}) == 8);  // as Rank<> does
  CHECK(refusal(10) == "DynamicRank is 10" + expected);
  CHECK(refusal(index_t{1} << 62) == "DynamicRank is 4611686018427387904" + expected);
}

}  // namespace
}  // namespace pst::test
