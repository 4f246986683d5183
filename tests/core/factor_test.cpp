// SPDX-License-Identifier: Apache-2.0
#include "pst/core/factor.hpp"

#include <doctest/doctest.h>

#include "pst/backend/reference.hpp"

namespace pst::test {
namespace {

const LayerLayout layout{{.in = 3, .out = 10}, RowPlan::cut(10, 3, 2, 1), 1};

TEST_CASE("blocks of rows own their part of a row factor's gradient") {
  Reference on;
  RowFactor<Reference, float> factor{layout, 2};
  on.fill(factor.grad({4, 2, 1, 0}), 5.0F);
  const auto grad = factor.parameter("U", ParameterGroup::delta).grad;
  for (index_t r = 0; r < 10; ++r) CHECK(grad(r, 1) == (r == 4 || r == 5 ? 5.0F : 0.0F));
  factor.begin_step(on);
  CHECK(grad(4, 0) == 0.0F);
  CHECK(factor.bytes() == 2 * 10 * 2 * sizeof(float));
}
TEST_CASE("the shares of all parts end up in a column factor's gradient, once") {
  Reference on;
  ColumnFactor<Reference, float> factor{layout, 2};
  const auto grad = factor.parameter("V", ParameterGroup::delta).grad;
  for (index_t part = 0; part < 3; ++part) {
    CHECK(factor.grad_share({0, 1, part, 0}).rows == 2);
    on.fill(factor.grad_share({0, 1, part, 0}), static_cast<float>(1 << part));
  }
  factor.finish_backward(on);
  CHECK(grad(1, 2) == 7.0F);
  factor.finish_backward(on);
  CHECK(grad(1, 2) == 7.0F);
  on.fill(factor.grad_share({0, 1, 2, 0}), 1.0F);
  factor.finish_backward(on);
  CHECK(grad(0, 0) == 8.0F);
  on.fill(factor.grad_share({0, 1, 2, 0}), 1.0F);
  factor.begin_step(on);
  factor.finish_backward(on);
  CHECK(grad(0, 0) == 0.0F);
  CHECK(factor.bytes() == (2 + 2 + 6) * 3 * sizeof(float));
}

}  // namespace
}  // namespace pst::test
