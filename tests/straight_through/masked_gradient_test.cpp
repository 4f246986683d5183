// SPDX-License-Identifier: Apache-2.0
#include "pst/straight_through/masked_gradient.hpp"

#include <doctest/doctest.h>

namespace pst::test {
namespace {

static_assert(!MaskedGradient{}.through_scores() && MaskedGradient{}.passes() == Passes::kept);

TEST_CASE("only kept weights learn") {
  CHECK(MaskedGradient{}(3.5F, true) == 3.5F);
  CHECK(MaskedGradient{}(3.5F, false) == 0.0F);
  CHECK(MaskedGradient{}(-2.0, true) == -2.0);
  CHECK(MaskedGradient{}(-2.0, false) == 0.0);
}

}  // namespace
}  // namespace pst::test
