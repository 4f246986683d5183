// SPDX-License-Identifier: Apache-2.0
#include "pst/score_gradient/score_every_kth_step.hpp"

#include <doctest/doctest.h>

#include "support/posed_layer.hpp"

namespace pst::test {
namespace {

static_assert(ScoreEveryKthStep{.interval = 3}.at(0, 0, 1).learns);
static_assert(!ScoreEveryKthStep{.interval = 3}.at(0, 2, 1).learns);
static_assert(ScoreEveryKthStep{.interval = 3}.at(0, 3, 1).learns);
static_assert(ScoreEveryKthStep{.interval = 3}.at(0, 3, 1).token_stride == 1);

TEST_CASE("an interval of one or none is every step") {
  for (std::uint64_t interval : {0U, 1U})
    for (std::uint64_t step : {0U, 1U, 2U, 3U}) CHECK(ScoreEveryKthStep{interval}.at(0.5, step, 1).learns);
}
TEST_CASE_TEMPLATE("in a layer the scores learn in one step of so many", T, ReferenceDouble, PartsFloat) {
  Posed<typename PstLayer<T>::template with<ScoreEveryKthStep>> posed{
      {{67, 30}, 5, 3, 4, 0.9}, {}, {.score_gradient = {.interval = 3}}};
  for (int step = 0; step < 8; ++step) {
    posed.layer.begin_step(step + 1, 10);
    posed.pass();
    posed.problem.rule = step % 3 == 0 ? oracle::Rule::reference : oracle::Rule::masked;
    posed.check({.any = step % 3 == 0});
  }
}

}  // namespace
}  // namespace pst::test
