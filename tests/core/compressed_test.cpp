// SPDX-License-Identifier: Apache-2.0
#include "pst/core/compressed.hpp"

#include <doctest/doctest.h>

#include "pst/backend/reference.hpp"

namespace pst::test {
namespace {

using Panels = CompressedView<float, HostSpace>;
using Wide = CompressedView<const float, HostSpace, std::uint16_t>;
static_assert(Panels::panel_cols == 256 && Panels::segments == 1);
static_assert(Wide::panel_cols == 1024 && Wide::segments == 4 && Wide::panels_for(1024) == 1 &&
              Wide::panels_for(1025) == 2);
static_assert(Panels::panels_for(1) == 1 && Panels::panels_for(256) == 1 && Panels::panels_for(257) == 2);

TEST_CASE("the memory of the compressed weight follows the number of kept weights") {
  CompressedWeight<Reference, float> weight{10, 100};
  const std::size_t starts = 11 * sizeof(std::uint32_t), each = sizeof(float) + 1;
  CHECK(weight.bytes() == starts);
  weight.reserve(800);
  CHECK(weight.bytes() >= starts + 800 * each);
  CHECK(weight.bytes() <= starts + 2 * 800 * each);
  const float* const values = weight.view().value;
  weight.reserve(790);
  CHECK(weight.view().value == values);
  weight.reserve(100);
  CHECK(weight.bytes() >= starts + 100 * each);
  CHECK(weight.bytes() <= starts + 2 * 100 * each);
}
TEST_CASE("each panel has an offset for each row") {
  CHECK(CompressedWeight<Reference, float>{10, 256}.bytes() == 11 * sizeof(std::uint32_t));
  CHECK(CompressedWeight<Reference, float>{10, 257}.bytes() == 21 * sizeof(std::uint32_t));
  CHECK(CompressedWeight<Reference, float>{10, 600}.bytes() == 31 * sizeof(std::uint32_t));
}
TEST_CASE("the view of the compressed weight has its shape, and a last panel as narrow as need be") {
  CompressedWeight<Reference, double> weight{4, 600};
  weight.reserve(2);
  const auto view = weight.view();
  CHECK(view.rows == 4);
  CHECK(view.cols == 600);
  CHECK(view.panels() == 3);
  CHECK(view.cols_of(0) == 256);
  CHECK(view.cols_of(1) == 256);
  CHECK(view.cols_of(2) == 88);
}
TEST_CASE("a row of a panel has an offset for each of its segments") {
  const std::uint32_t offsets[2 * 3 * 4 + 1] = {};
  const Wide wide{3, 1025, offsets, nullptr, nullptr};
  CHECK(wide.row_start(0, 2) == offsets + 8);
  CHECK(wide.row_start(1, 0) == offsets + 12);
  CHECK(wide.cols_of(1) == 1);
}

}  // namespace
}  // namespace pst::test
