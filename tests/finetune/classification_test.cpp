// SPDX-License-Identifier: Apache-2.0
#include "finetune/metrics/classification.hpp"

#include <doctest/doctest.h>

#include "finetune/metrics_data.hpp"
#include "io/files.hpp"

namespace finetune::test {
namespace {

using pst::io::test::contains;
using pst::io::test::error_of;
using Labels = std::vector<int>;

// Both sides count the same integers and divide once or twice.
constexpr double tolerance = 1e-14;

TEST_CASE("accuracy, F1 and Matthews are scikit-learn's") {
  const auto data = metrics_data();
  REQUIRE(data.at("labels").size() == 3);
  for (const auto& one : data.at("labels")) {
    const auto predicted = one.at("predicted").get<Labels>(), expected = one.at("expected").get<Labels>();
    CHECK(accuracy(predicted, expected) == doctest::Approx(one.at("accuracy").get<double>()).epsilon(tolerance));
    CHECK(f1(predicted, expected) == doctest::Approx(one.at("f1").get<double>()).epsilon(tolerance));
    CHECK(matthews(predicted, expected) == doctest::Approx(one.at("matthews").get<double>()).epsilon(tolerance));
  }
}

TEST_CASE("metrics of labels are right in a case counted by hand") {
  const Labels predicted{1, 1, 1, 0, 0, 0, 0}, expected{1, 1, 0, 1, 0, 0, 0};  // TP 2, FP 1, FN 1, TN 3
  CHECK(accuracy(predicted, expected) == doctest::Approx(5.0 / 7));
  CHECK(f1(predicted, expected) == doctest::Approx(4.0 / 6));
  CHECK(matthews(predicted, expected) == doctest::Approx(5.0 / 12));
  CHECK(matthews(expected, expected) == 1.0);
  CHECK(accuracy(Labels{2, 0, 1}, Labels{2, 0, 0}) == doctest::Approx(2.0 / 3));
}

TEST_CASE("metrics of labels are 0 where their formula is 0 / 0") {
  CHECK(f1(Labels{0, 0}, Labels{0, 0}) == 0.0);
  CHECK(matthews(Labels{1, 1}, Labels{1, 0}) == 0.0);
  CHECK(matthews(Labels{1, 0}, Labels{0, 0}) == 0.0);
  CHECK(matthews(Labels{1, 1}, Labels{1, 1}) == 0.0);
}

TEST_CASE("Matthews does not overflow on many examples") {
  Labels predicted(400'000), expected(400'000);
  for (std::size_t i = 0; i < expected.size(); ++i) predicted[i] = expected[i] = static_cast<int>(i % 2);
  CHECK(matthews(predicted, expected) == doctest::Approx(1.0));
}

TEST_CASE("metrics of labels refuse what cannot be compared") {
  CHECK(contains(error_of([] { return accuracy({}, {}); }), "accuracy: there are no examples"));
  CHECK(contains(error_of([] { return accuracy(Labels{1}, Labels{1, 0}); }), "1 predictions for 2 labels"));
  CHECK(contains(error_of([] { return f1(Labels{1, 2}, Labels{1, 0}); }), "F1: example 1 has the prediction 2"));
  CHECK(contains(error_of([] { return matthews(Labels{1, 0}, Labels{1, -1}); }), "the label -1, expected 0 or 1"));
}

}  // namespace
}  // namespace finetune::test
