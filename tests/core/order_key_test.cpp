// SPDX-License-Identifier: Apache-2.0
#include "pst/core/order_key.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <vector>

namespace pst::test {
namespace {

template <class Scalar>
std::vector<Scalar> ascending() {
  using Limits = std::numeric_limits<Scalar>;
  return {-Limits::infinity(),  Limits::lowest(), -1 - Limits::epsilon(), -1, -Limits::min(), -Limits::denorm_min(), 0,
          Limits::denorm_min(), Limits::min(),    1 - Limits::epsilon(),  1,  Limits::max(),  Limits::infinity()};
}

TEST_CASE_TEMPLATE("keys are in the order of the numbers", Scalar, float, double) {
  const auto values = ascending<Scalar>();
  for (std::size_t i = 0; i < values.size(); ++i)
    for (std::size_t j = 0; j < values.size(); ++j) {
      CHECK((order_key(values[i]) < order_key(values[j])) == (values[i] < values[j]));
      CHECK((order_key(values[i]) == order_key(values[j])) == (values[i] == values[j]));
    }
}
TEST_CASE_TEMPLATE("minus zero has the key of zero", Scalar, float, double) {
  CHECK(order_key(-Scalar{0}) == order_key(Scalar{0}));
}
TEST_CASE_TEMPLATE("all numbers but NaN and the infinities are finite", Scalar, float, double) {
  using Limits = std::numeric_limits<Scalar>;
  for (Scalar value : ascending<Scalar>()) {
    const bool infinite = value == Limits::infinity() || value == -Limits::infinity();
    CHECK(is_finite(value) == !infinite);
  }
  CHECK(is_finite(-Scalar{0}));
  CHECK_FALSE(is_finite(Limits::quiet_NaN()));
  CHECK_FALSE(is_finite(-Limits::quiet_NaN()));
  CHECK_FALSE(is_finite(Limits::signaling_NaN()));
}

}  // namespace
}  // namespace pst::test
