// SPDX-License-Identifier: Apache-2.0
#include "pst/straight_through/dense_gradient.hpp"

#include <doctest/doctest.h>

namespace pst::test {
namespace {

static_assert(!DenseGradient{}.through_scores() && DenseGradient{}.passes() == Passes::all);

TEST_CASE("every weight learns as if nothing were pruned") {
  CHECK(DenseGradient{}(3.5F, true) == 3.5F);
  CHECK(DenseGradient{}(3.5F, false) == 3.5F);
  CHECK(DenseGradient{}(-2.0, true) == -2.0);
  CHECK(DenseGradient{}(-2.0, false) == -2.0);
}

}  // namespace
}  // namespace pst::test
