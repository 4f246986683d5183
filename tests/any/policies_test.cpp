// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "pst/any/policies/read_choices.hpp"
#include "pst/any/policies/score_sum.hpp"
#include "pst/straight_through/dense_gradient.hpp"
#include "pst/straight_through/masked_gradient.hpp"
#include "pst/straight_through/reference_gradient.hpp"
#include "support/test_types.hpp"

using namespace pst;
using namespace pst::test;

TEST_CASE("a schedule that is chosen is that of the library") {
  const LinearSpec spec{.sparsity = 0.8, .initial_sparsity = 0.1, .warmup = 0.2, .cooldown = 0.1};
  const CubicSchedule cubic{.initial_sparsity = 0.1, .final_sparsity = 0.8, .warmup = 0.2, .cooldown = 0.1};
  const LinearSchedule linear{.initial_sparsity = 0.1, .final_sparsity = 0.8};
  for (int step = 0; step <= 20; ++step) {
    CHECK(schedule_choice(spec).sparsity_at(step, 20) == cubic.sparsity_at(step, 20));
    LinearSpec other = spec;
    other.schedule = "linear";
    CHECK(schedule_choice(other).sparsity_at(step, 20) == linear.sparsity_at(step, 20));
    other.schedule = "constant";
    CHECK(schedule_choice(other).sparsity_at(step, 20) == 0.8);
  }
}

TEST_CASE("a score gradient that is chosen is that of the library") {
  const auto same = [](const ScoreLearning& a, const ScoreLearning& b) {
    return a.learns == b.learns && a.token_stride == b.token_stride && a.first_token == b.first_token;
  };
  for (std::uint64_t step = 0; step < 20; ++step) {
    const double progress = static_cast<double>(step) / 20;
    const auto check = [&](const char* text, const auto& policy) {
      return same(score_gradient_choice(text).at(progress, step, 3), policy.at(progress, step, 3));
    };
    CHECK(check("every", ScoreEveryStep{}));
    CHECK(check("every-3", ScoreEveryKthStep{3}));
    CHECK(check("sample-5", ScoreTokenSample{5}));
    CHECK(check("rest-0.25", ScoreRestAfter{0.25}));
  }
}

TEST_CASE("a refresh that is chosen is that of the library") {
  for (std::uint64_t step = 0; step <= 20; ++step) {
    const double progress = static_cast<double>(step) / 20;
    const auto check = [&](const char* text, const auto& policy) {
      const RefreshChoice choice = refresh_choice(text);
      return choice.refreshes(progress, step) == policy.refreshes(progress, step) &&
             choice.moves_between_steps(progress) == policy.moves_between_steps(progress);
    };
    CHECK(check("every", RefreshEveryStep{}));
    CHECK(check("every-3", RefreshEveryKthStep{3}));
    CHECK(check("until-0.25", RefreshUntil{0.25}));
  }
}

TEST_CASE("a straight-through rule that is chosen is that of the library") {
  const auto check = [](const char* text, const auto& rule) {
    const StraightThroughChoice choice = straight_through_choice(text);
    return choice.passes() == rule.passes() && choice.through_scores() == rule.through_scores() &&
           choice(2.5, true) == rule(2.5, true) && choice(2.5, false) == rule(2.5, false);
  };
  CHECK(check("reference", ReferenceGradient{}));
  CHECK(check("masked", MaskedGradient{}));
  CHECK(check("dense", DenseGradient{}));
}

TEST_CASE("words that name no policy are refused") {
  for (const char* text : {"", "sometimes", "every-", "every-0", "every-x", "rest", "rest-2", "sample-0", "rest-0.5x"})
    CHECK_THROWS_AS(static_cast<void>(score_gradient_choice(text)), Error);
  for (const char* text : {"", "never", "every-0", "until-", "until-1.5", "until--1"})
    CHECK_THROWS_AS(static_cast<void>(refresh_choice(text)), Error);
  for (const char* text : {"", "top", "threshold", "threshold-", "block-2x2", "2:3"})
    CHECK_THROWS_AS(static_cast<void>(selector_choice(text)), Error);
  CHECK_THROWS_AS(static_cast<void>(straight_through_choice("")), Error);
}

TEST_CASE("one budget asks all layers for GlobalTopK") {
  using State = SelectorChoice::State<EigenCpu, float>;
  EigenCpu on{1};
  const Shape shape{.in = 4, .out = 4};
  const LayerLayout layout{on.plan(shape, 1)};
  State global{selector_choice("global"), on, layout, {}}, rows{selector_choice("rows"), on, layout, {}};
  State* const both[] = {&global, &rows};
  CHECK(error_of([&] { State::begin_together(on, both, 0.5); }) ==
        "layers with one budget have the selector GlobalTopK, another one was found");
  CHECK(selector_choice("global").shares_budget);
  CHECK_FALSE(selector_choice("top-k").shares_budget);
}

TEST_CASE("a sum that is chosen says whether it has parameters") {
  CHECK_FALSE(ScoreSum{}.has_parameters());
  CHECK_FALSE(ScoreSum{.magnitude = Wanda{}}.has_parameters());
  CHECK(ScoreSum{.row_column = RowColumnScore{}}.has_parameters());
  static_assert(ImportanceMetric<ScoreSum, Reference, float> && ImportanceMetric<ScoreSum, EigenCpu, double>);
  static_assert(MaskSelector<SelectorChoice, Reference, float> && MaskSelector<SelectorChoice, EigenCpu, double>);
}
