// SPDX-License-Identifier: Apache-2.0
#include "pst/core/random.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <string_view>

#include "support/tolerances.hpp"

namespace pst::test {
namespace {

struct Moments {
  double mean = 0, variance = 0, skew = 0, kurtosis = 0, neighbours = 0, largest = 0;
};

Moments moments_of(NormalAt normal, index_t count) {
  Moments m;
  double before = 0;
  for (index_t i = 0; i < count; ++i) {
    const double x = normal(i);
    m.mean += x, m.variance += x * x, m.skew += x * x * x, m.kurtosis += x * x * x * x, m.neighbours += x * before;
    m.largest = std::max(m.largest, std::abs(x));
    before = x;
  }
  const double n = static_cast<double>(count);
  return {m.mean / n, m.variance / n, m.skew / n, m.kurtosis / n, m.neighbours / n, m.largest};
}

TEST_CASE("the moments of the draws are those of N(0, 1)") {
  for (std::uint64_t seed : {0U, 1U, 2U, 77U}) {
    const Moments m = moments_of({seed}, random_draws);
    CHECK(std::abs(m.mean) < moment_tolerance(1));
    CHECK(std::abs(m.variance - 1) < moment_tolerance(2));
    CHECK(std::abs(m.skew) < moment_tolerance(15));
    CHECK(std::abs(m.kurtosis - 3) < moment_tolerance(96));
    CHECK(std::abs(m.neighbours) < moment_tolerance(1));
    CHECK(std::isfinite(m.largest));
  }
}
TEST_CASE("another seed draws numbers that are not correlated") {
  double product = 0;
  for (index_t i = 0; i < random_draws; ++i) product += NormalAt{1}(i)*NormalAt{2}(i);
  CHECK(std::abs(product / static_cast<double>(random_draws)) < moment_tolerance(1));
}
TEST_CASE("every purpose and every name has a seed of its own") {
  std::set<std::uint64_t> seeds;
  for (std::uint64_t seed = 0; seed < 100; ++seed)
    for (char purpose : {'A', 'U'}) seeds.insert(derive_seed(seed, purpose));
  CHECK(seeds.size() == 200);
  for (std::uint64_t seed = 0; seed < 100; ++seed)
    for (std::string_view name : {"query", "key", "yek", "q"}) seeds.insert(derive_seed(seed, name));
  CHECK(seeds.size() == 600);
}
TEST_CASE("bits are scrambled as by SplitMix64") {
  // The first two outputs of Vigna's splitmix64.c for the state 0.
  CHECK(mix_bits(0) == 0xe220a8397b1dcdafU);
  CHECK(mix_bits(0x9e3779b97f4a7c15U) == 0x6e789e6aa1b965f4U);
}

}  // namespace
}  // namespace pst::test
