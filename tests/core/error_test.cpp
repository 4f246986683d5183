// SPDX-License-Identifier: Apache-2.0
#include "pst/core/error.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "support/test_types.hpp"

namespace pst::test {
namespace {

TEST_CASE("an error is a runtime_error whose text is its parts one behind the other") {
  CHECK(error_of([] { fail("x has ", 3, " columns, the layer expects ", 784); }) ==
        "x has 3 columns, the layer expects 784");
  CHECK_THROWS_AS(fail("x"), std::runtime_error);
}
TEST_CASE("numbers are told apart in 9 digits, and NaN is named") {
  CHECK(error_of([] { fail(0.123456789012, ' ', std::numeric_limits<float>::quiet_NaN()); }) == "0.123456789 nan");
}
TEST_CASE("a requirement that holds throws nothing") {
  CHECK(error_of([] { require(true, "never"); }) == "nothing was thrown");
  CHECK(error_of([] { require(false, "always"); }) == "always");
}

}  // namespace
}  // namespace pst::test
