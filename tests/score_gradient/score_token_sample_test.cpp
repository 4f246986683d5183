// SPDX-License-Identifier: Apache-2.0
#include "pst/score_gradient/score_token_sample.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "support/posed_layer.hpp"

namespace pst::test {
namespace {

constexpr ScoreLearning drawn = ScoreTokenSample{.stride = 4}.at(0.5, 3, 1);
static_assert(drawn.learns && drawn.token_stride == 4 && drawn.first_token >= 0 && drawn.first_token < 4);
static_assert(drawn.first_token == ScoreTokenSample{.stride = 4}.at(0.9, 3, 1).first_token);

TEST_CASE("every offset is drawn about as often, another seed draws others") {
  for (index_t stride : {2, 3, 7}) {
    std::vector<index_t> draws(static_cast<std::size_t>(stride));
    index_t same = 0;
    for (std::uint64_t step = 0; step < 1000; ++step) {
      const ScoreLearning now = ScoreTokenSample{stride}.at(0, step, 1);
      ++draws.at(static_cast<std::size_t>(now.first_token));
      same += now.first_token == ScoreTokenSample{stride}.at(0, step, 2).first_token;
    }
    CHECK(*std::ranges::min_element(draws) > 800 / stride);
    CHECK(same < 1200 / stride);
  }
}
TEST_CASE("a stride of one or less takes all tokens") {
  for (index_t stride : {1, 0, -3}) {
    const ScoreLearning now = ScoreTokenSample{stride}.at(0.5, 3, 1);
    CHECK(now.learns);
    CHECK(now.token_stride == 1);
    CHECK(now.first_token == 0);
  }
}
TEST_CASE_TEMPLATE("in a layer each step has its own tokens, which its seed decides", T, ReferenceDouble, PartsFloat) {
  const ScoreTokenSample sample{.stride = 3};
  Posed<typename PstLayer<T>::template with<ScoreTokenSample>> posed{
      {{67, 30}, 11, 3, 4, 0.9}, {}, {.score_gradient = sample, .seed = 5}};
  std::vector<bool> seen(3);
  for (std::uint64_t step = 0; step < 12; ++step) {
    CAPTURE(step);
    posed.layer.begin_step(step + 1, 24);
    posed.pass();
    const index_t first = sample.at(0.5, step, 5).first_token;
    posed.check({.stride = 3, .first = first});
    seen[static_cast<std::size_t>(first)] = true;
  }
  CHECK(seen == std::vector<bool>(3, true));
}

}  // namespace
}  // namespace pst::test
