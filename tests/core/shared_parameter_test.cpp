// SPDX-License-Identifier: Apache-2.0
#include "pst/core/shared_parameter.hpp"

#include <doctest/doctest.h>

#include <type_traits>

#include "pst/backend/reference.hpp"

namespace pst::test {
namespace {

TEST_CASE("a shared parameter has one value and one gradient, which those that read it are lent") {
  Reference on;
  SharedParameter<Reference, double> shared{"rule", ParameterGroup::delta, 2, 3};
  static_assert(!std::is_copy_constructible_v<decltype(shared)> && !std::is_move_constructible_v<decltype(shared)>);
  const auto first = shared.parameter(), second = shared.parameter();
  CHECK(first.name == "rule");
  CHECK(first.group == ParameterGroup::delta);
  CHECK(shared.size() == 6);
  CHECK(first.value(1, 2) == 0);
  first.value(1, 2) = 5;
  first.grad(0, 1) += 1;
  second.grad(0, 1) += 2;
  CHECK(second.value(1, 2) == 5);
  CHECK(shared.grad()(0, 1) == 3);
  int visits = 0;
  shared.for_each_parameter([&](const auto& each) {
    ++visits;
    CHECK(each.value.data == first.value.data);
  });
  CHECK(visits == 1);
  shared.zero_gradients(on);
  CHECK(first.grad(0, 1) == 0);
  CHECK(first.value(1, 2) == 5);
}

}  // namespace
}  // namespace pst::test
