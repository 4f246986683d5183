// SPDX-License-Identifier: Apache-2.0
#include "pst/core/factor.hpp"

#include <doctest/doctest.h>

#include <utility>

#include "pst/backend/reference.hpp"

namespace pst::test {
namespace {

const LayerLayout layout{WorkPlan::cut({.in = 3, .out = 10}, 3, 2, {.in = 3, .out = 2}, 1), 1};

/// A factor in memory of its own, as a layer binds it.
template <class Factor>
struct Bound {
  Factor factor;
  Matrix<Reference, float> values{factor.rows(), factor.cols()}, grads{factor.rows(), factor.cols()};

  explicit Bound(Factor made) : factor{std::move(made)} {
    factor.bind_value(values.view());
    factor.bind_grad(grads.view());
  }
};

/// A tile of one row and all columns.
Tile all_columns_of(index_t part) { return {.rows = 1, .cols = 3, .part = part}; }

TEST_CASE("blocks of rows own their part of a row factor's gradient") {
  Reference on;
  Bound<RowFactor<Reference, float>> bound{{layout, 2, "U", ParameterGroup::delta}};
  auto& factor = bound.factor;
  on.fill(factor.grad({.row = 4, .rows = 2, .cols = 3, .part = 1}), 5.0F);
  const auto grad = factor.grad();
  for (index_t r = 0; r < 10; ++r) CHECK(grad(r, 1) == (r == 4 || r == 5 ? 5.0F : 0.0F));
  CHECK(factor.name() == "U");
  CHECK_FALSE(factor.in_place());
}
TEST_CASE("the shares of all parts end up in a column factor's gradient, once") {
  Reference on;
  Bound<ColumnFactor<Reference, float>> bound{{layout, 2, "V", ParameterGroup::delta}};
  auto& factor = bound.factor;
  const auto grad = factor.grad();
  for (index_t part = 0; part < 3; ++part) {
    CHECK(factor.grad_share(all_columns_of(part)).rows == 2);
    on.fill(factor.grad_share(all_columns_of(part)), static_cast<float>(1 << part));
  }
  factor.finish_backward(on);
  CHECK(grad(1, 2) == 7.0F);
  factor.finish_backward(on);
  CHECK(grad(1, 2) == 7.0F);
  on.fill(factor.grad_share(all_columns_of(2)), 1.0F);
  factor.finish_backward(on);
  CHECK(grad(0, 0) == 8.0F);
  CHECK(factor.bytes() == 6 * 3 * sizeof(float));
}
TEST_CASE("a tile reads its columns of a column factor, and adds to them alone") {
  Reference on;
  Bound<ColumnFactor<Reference, float>> bound{{layout, 2, "V", ParameterGroup::delta}};
  auto& factor = bound.factor;
  on.generate(factor.value(), [](index_t r, index_t c) { return 10 * r + c; });
  const Tile right{.row = 8, .rows = 2, .col = 1, .cols = 2, .part = 2};
  const auto value = std::as_const(factor).value(right);
  CHECK(value.cols == 2);
  CHECK(value(1, 0) == 11.0F);
  on.fill(factor.grad_share(right), 3.0F);
  factor.finish_backward(on);
  const auto grad = factor.grad();
  for (index_t r = 0; r < 2; ++r)
    for (index_t c = 0; c < 3; ++c) CHECK(grad(r, c) == (c == 0 ? 0.0F : 3.0F));
}

}  // namespace
}  // namespace pst::test
