// SPDX-License-Identifier: Apache-2.0
#include "pst/score_gradient/score_rest_after.hpp"

#include <doctest/doctest.h>

#include "support/posed_layer.hpp"

namespace pst::test {
namespace {

static_assert(ScoreRestAfter{.progress = 0.5}.at(0.49, 9, 1).learns);
static_assert(!ScoreRestAfter{.progress = 0.5}.at(0.5, 0, 1).learns);
static_assert(!ScoreRestAfter{.progress = 0.5}.at(1, 0, 1).learns);
static_assert(!ScoreRestAfter{.progress = 0}.at(0, 0, 1).learns);
static_assert(ScoreRestAfter{.progress = 2}.at(1, 0, 1).learns);

TEST_CASE_TEMPLATE("in a layer the scores learn until a progress, given as a fraction or in steps", T, ReferenceDouble,
                   PartsFloat) {
  Posed<typename PstLayer<T>::template with<ScoreRestAfter>> posed{
      {{67, 30}, 5, 3, 4, 0.9}, {}, {.score_gradient = {.progress = 0.5}}};
  for (int step = 0; step <= 8; ++step) {
    CAPTURE(step);
    posed.layer.begin_step(step, 8);
    posed.pass();
    posed.problem.rule = step < 4 ? oracle::Rule::reference : oracle::Rule::masked;
    posed.check({.any = step < 4});
  }
  posed.layer.begin_step(1, 4);
  posed.pass();
  posed.problem.rule = oracle::Rule::reference;
  posed.check();
}

}  // namespace
}  // namespace pst::test
