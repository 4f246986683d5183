// SPDX-License-Identifier: Apache-2.0
#include "pst/score_gradient/score_every_step.hpp"

#include <doctest/doctest.h>

#include <initializer_list>

namespace pst::test {
namespace {

constexpr ScoreLearning always = ScoreEveryStep{}.at(0.9, 17, 3);
static_assert(always.learns && always.token_stride == 1 && always.first_token == 0);

TEST_CASE("scores learn from all tokens, whatever the step") {
  for (std::uint64_t step : {0U, 1U, 1000U}) {
    CHECK(ScoreEveryStep{}.at(1, step, 0).learns);
    CHECK(ScoreEveryStep{}.at(1, step, 0).token_stride == 1);
  }
}

}  // namespace
}  // namespace pst::test
