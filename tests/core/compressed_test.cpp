// SPDX-License-Identifier: Apache-2.0
#include "pst/core/compressed.hpp"

#include <doctest/doctest.h>

#include "pst/backend/reference.hpp"

namespace pst::test {
namespace {

TEST_CASE("the memory of the compressed weight follows the number of kept weights") {
  CompressedWeight<Reference, float> weight{{.in = 100, .out = 10}};
  const std::size_t starts = 11 * sizeof(index_t);
  CHECK(weight.bytes() == starts);
  weight.reserve(800);
  CHECK(weight.bytes() >= starts + 800 * 8);
  CHECK(weight.bytes() <= starts + 2 * 800 * 8);
  const float* const values = weight.view().value;
  weight.reserve(790);
  CHECK(weight.view().value == values);
  weight.reserve(100);
  CHECK(weight.bytes() >= starts + 100 * 8);
  CHECK(weight.bytes() <= starts + 2 * 100 * 8);
}
TEST_CASE("the view of the compressed weight has its shape") {
  CompressedWeight<Reference, double> weight{{.in = 3, .out = 4}};
  weight.reserve(2);
  const auto view = weight.view();
  CHECK(view.rows == 4);
  CHECK(view.cols == 3);
  CHECK(view.row_start == weight.row_start());
}

}  // namespace
}  // namespace pst::test
