// SPDX-License-Identifier: Apache-2.0
#include "finetune/evaluate/baseline.hpp"

#include <cmath>
#include <random>

#include <doctest/doctest.h>

using namespace finetune;

namespace {

/// Sequences with these labels, and predictions of them.
struct Answered {
  std::vector<Sequence> asked;
  Evaluation found;

  Answered(const Task& task, const std::vector<int>& labels, const std::vector<double>& said) {
    for (const int label : labels) asked.push_back({.label = label});
    found.predictions = said;
    found.loss = 1.0;
    found.scores = score_labels(task, std::vector<int>(said.begin(), said.end()), labels);
  }
};

/// As many labels, of which `share` are 1, and predictions that are right with the probability `right`.
Answered drawn(const char* task, int count, double share, double right) {
  std::mt19937_64 random{5};
  const auto happens = [&](double probability) {
    return static_cast<double>(random() % 100000) < 100000 * probability;
  };
  std::vector<int> labels;
  std::vector<double> said;
  for (int i = 0; i < count; ++i) {
    labels.push_back(happens(share) ? 1 : 0);
    said.push_back(happens(right) ? labels.back() : 1 - labels.back());
  }
  return {find_task(task), labels, said};
}

}  // namespace

TEST_CASE("the baseline of a classification is the best of its classes, always answered") {
  const auto of = [](const char* task, const std::vector<int>& labels) {
    const Answered answered{find_task(task), labels, std::vector<double>(labels.size(), 0)};
    return baseline_of(find_task(task), answered.asked, {}, 0).value();
  };
  const Baseline sst2 = of("sst2", {0, 1, 0, 0});
  CHECK(sst2.name == "always \"negative\"");
  CHECK(sst2.score == 0.75);
  const Baseline cola = of("cola", {1, 1, 0, 1});
  CHECK(cola.score == 0);
  const Baseline mrpc = of("mrpc", {1, 1, 0, 1});  // F1 of class 1
  CHECK(mrpc.score == doctest::Approx(2 * 3 / (2.0 * 3 + 1)));
  CHECK(of("mnli", {2, 2, 1}).name == "always \"contradiction\"");
  CHECK(!baseline_of(find_task("sst2"), std::vector<Sequence>{{.label = 0}, {.label = -1}}, {}, 0));
}

TEST_CASE("the baseline of a regression is 0, of a language model the entropy of token frequencies") {
  CHECK(baseline_of(find_task("stsb"), std::vector<Sequence>{{.value = 2}}, {}, 0)->score == 0);
  CHECK(!baseline_of(find_task("stsb"), std::vector<Sequence>{{.value = std::nanf("")}}, {}, 0));
  const std::vector<Sequence> train{{.ids = {0, 1, 1, 1}, .prompt = 0}}, asked{{.ids = {2, 1, 0}, .prompt = 0}};
  // 1, 1, 1 count in `train`, and each of three tokens once: 1/6, 4/6, 1/6; 1 and 0 are asked for.
  const Baseline found = baseline_of(find_task("text"), asked, train, 3).value();
  CHECK(found.score == doctest::Approx((std::log(4.0 / 6) + std::log(1.0 / 6)) / 2));
  CHECK(!baseline_of(find_task("text"), asked, {}, 3));
}

TEST_CASE("the standard error is that of the closed form") {
  const Answered sst2 = drawn("sst2", 800, 0.5, 0.8);
  const double accuracy = sst2.found.scores[0].value;
  const auto error = standard_error(find_task("sst2"), sst2.found, sst2.asked);
  REQUIRE(error);
  CHECK(*error == doctest::Approx(std::sqrt(accuracy * (1 - accuracy) / 800)).epsilon(0.15));
  CHECK(standard_error(find_task("sst2"), sst2.found, sst2.asked) == error);
  // Of two independent labelings with n examples, Matthews' correlation has the standard error 1 / sqrt(n).
  const Answered cola = drawn("cola", 900, 0.7, 0.5);
  CHECK(standard_error(find_task("cola"), cola.found, cola.asked).value() == doctest::Approx(1.0 / 30).epsilon(0.15));
  const Answered constant{find_task("cola"), {0, 1, 1, 1}, {1, 1, 1, 1}};
  CHECK(standard_error(find_task("cola"), constant.found, constant.asked) == 0.0);
}

TEST_CASE("a score within two standard errors of the baseline is nothing") {
  const auto learnt = [](std::optional<double> score, std::optional<double> error, double baseline) {
    return has_learnt({.metric = "accuracy", .score = score, .error = error, .baseline = Baseline{"", baseline}});
  };
  CHECK(learnt(0.60, 0.03, 0.53));
  CHECK(!learnt(0.58, 0.03, 0.53));
  CHECK(!learnt(0.0, 0.0, 0.0));  // Matthews' correlation of one class
  CHECK(!learnt(std::nullopt, std::nullopt, 0.0));
  CHECK(learnt(-3.0, std::nullopt, -6.0));
  CHECK(has_learnt({.metric = "accuracy", .score = 0.1}));
  CHECK(text_of(Standing{.metric = "matthews",
                         .score = 0.229,
                         .error = 0.031,
                         .baseline = Baseline{"always \"acceptable\"", 0},
                         .dense = 0.248}) ==
        "matthews 0.2290 (standard error 0.0310), always \"acceptable\" 0.0000, dense 0.2480");
  CHECK(text_of(Standing{.metric = "-loss", .score = -3, .baseline = Baseline{"frequencies", -6}}) ==
        "dev loss 3.0000, frequencies 6.0000");
  CHECK(text_of(Standing{.metric = "pearson"}) == "pearson undefined");
}

TEST_CASE("predictions of one class are named") {
  const auto only = [](const std::vector<double>& said) {
    Evaluation found;
    found.predictions = said;
    return only_class(find_task("sst2"), found);
  };
  CHECK(only({1, 1, 1}) == "positive");
  CHECK(!only({1, 0, 1}));
  CHECK(!only({1}));
  CHECK(!only({}));
}
