// SPDX-License-Identifier: Apache-2.0
#include "pst/core/float16.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>

#include <Eigen/Core>

#include <doctest/doctest.h>

namespace pst::test {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

bool same(float a, float b) {
  return std::isnan(a) ? std::isnan(b) : std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

TEST_CASE("every F16 pattern widens as in Eigen and comes back unchanged") {
  int wrong = 0;
  for (std::uint32_t i = 0; i < 65536; ++i) {
    const auto pattern = static_cast<std::uint16_t>(i);
    const float value = float_from_f16(pattern);
    const bool widened = same(value, static_cast<float>(Eigen::numext::bit_cast<Eigen::half>(pattern)));
    const bool back = std::isnan(value) ? f16_from(value) == (pattern | 0x200) : f16_from(value) == pattern;
    if (!widened || !back) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("every BF16 pattern widens as in Eigen and comes back unchanged") {
  int wrong = 0;
  for (std::uint32_t i = 0; i < 65536; ++i) {
    const auto pattern = static_cast<std::uint16_t>(i);
    const float value = float_from_bf16(pattern);
    const bool widened = same(value, static_cast<float>(Eigen::numext::bit_cast<Eigen::bfloat16>(pattern)));
    const bool back = std::isnan(value) ? bf16_from(value) == (pattern | 0x40) : bf16_from(value) == pattern;
    if (!widened || !back) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("floats of every size narrow as in Eigen") {
  std::mt19937 random{7};
  int wrong = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    if (std::isnan(value)) continue;
    if (f16_from(value) != Eigen::numext::bit_cast<std::uint16_t>(Eigen::half(value))) ++wrong;
    if (bf16_from(value) != Eigen::numext::bit_cast<std::uint16_t>(Eigen::bfloat16(value))) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("halfway between two neighbours the even one is taken, for every pair of neighbours") {
  int wrong = 0;
  for (std::uint32_t i = 0; i < 0x7BFF; ++i) {
    const auto low = static_cast<std::uint16_t>(i);
    const auto high = static_cast<std::uint16_t>(i + 1);
    const double middle = (double{float_from_f16(low)} + double{float_from_f16(high)}) / 2;
    if (f16_from(middle) != (i % 2 == 0 ? low : high)) ++wrong;
    if (f16_from(std::nextafter(middle, 0.0)) != low) ++wrong;
    if (f16_from(std::nextafter(middle, 1e9)) != high) ++wrong;
    if (f16_from(-middle) != (0x8000 | (i % 2 == 0 ? low : high))) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("special values narrow to special values") {
  CHECK(f16_from(0.0) == 0x0000);
  CHECK(f16_from(-0.0) == 0x8000);
  CHECK(f16_from(infinity) == 0x7C00);
  CHECK(f16_from(-infinity) == 0xFC00);
  CHECK(f16_from(1e300) == 0x7C00);
  CHECK(f16_from(0x1p-24) == 0x0001);
  CHECK(f16_from(0x1p-25) == 0x0000);
  CHECK(f16_from(0x1.8p-25) == 0x0001);
  CHECK(f16_from(std::numeric_limits<double>::denorm_min()) == 0x0000);
  CHECK(bf16_from(std::numeric_limits<float>::max()) == 0x7F80);
  CHECK(bf16_from(0x1p-133) == 0x0001);
  CHECK(bf16_from(0x1p-134) == 0x0000);
  CHECK(std::isnan(float_from_f16(f16_from(std::numeric_limits<double>::quiet_NaN()))));
  CHECK(std::isnan(float_from_bf16(bf16_from(std::numeric_limits<double>::quiet_NaN()))));
  // A NaN whose payload lies below the bits that are kept must not turn into infinity.
  CHECK(std::isnan(float_from_f16(f16_from(std::bit_cast<double>(0x7FF0000000000001)))));
}

TEST_CASE("doubles are rounded once, not first to float") {
  // Just above halfway between 1 and the next F16; as a float it would be exactly halfway, and go down.
  CHECK(f16_from(1.0 + 0x1p-11 + 0x1p-40) == 0x3C01);
  CHECK(bf16_from(1.0 + 0x1p-8 + 0x1p-40) == 0x3F81);
}

}  // namespace
}  // namespace pst::test
