// SPDX-License-Identifier: Apache-2.0
#include "finetune/metrics/correlation.hpp"

#include <cmath>
#include <limits>

#include <doctest/doctest.h>

#include "finetune/metrics_data.hpp"
#include "io/files.hpp"

namespace finetune::test {
namespace {

using pst::io::test::contains;
using pst::io::test::error_of;
using Numbers = std::vector<double>;

TEST_CASE("Pearson and Spearman are scipy's, ties included") {
  const auto data = metrics_data();
  REQUIRE(data.at("numbers").size() == 4);
  for (const auto& one : data.at("numbers")) {
    const auto predicted = one.at("predicted").get<Numbers>(), expected = one.at("expected").get<Numbers>();
    // One of the inputs lies around 1e8, where a double holds eight digits of the differences.
    const double allowed = predicted[0] > 1e6 ? 1e-8 : 1e-12;
    CHECK(pearson(predicted, expected) == doctest::Approx(one.at("pearson").get<double>()).epsilon(allowed));
    CHECK(spearman(predicted, expected) == doctest::Approx(one.at("spearman").get<double>()).epsilon(1e-12));
  }
}

TEST_CASE("equal values share the mean of their ranks") {
  CHECK(average_ranks(Numbers{3, 1, 3, 2, 3}) == Numbers{4, 1, 4, 2, 4});
  CHECK(average_ranks(Numbers{5, 5}) == Numbers{1.5, 1.5});
  CHECK(average_ranks({}).empty());
}

TEST_CASE("correlations of a constant are 0, however it is rounded") {
  const Numbers constant(7, 0.1), other{1, 2, 3, 4, 5, 6, 7};
  CHECK(std::isnan(pearson(constant, other)));
  CHECK(std::isnan(pearson(other, constant)));
  CHECK(std::isnan(spearman(constant, other)));
  CHECK(std::isnan(pearson(Numbers{1}, Numbers{2})));
}

TEST_CASE("correlations survive values whose squares leave the range of a double") {
  const Numbers large{-1.7e308, 1.7e308, 1e308}, small{1e-310, 3e-310, 2e-310}, plain{1, 3, 2};
  CHECK(pearson(large, large) == doctest::Approx(1.0));
  CHECK(pearson(small, plain) == doctest::Approx(1.0));
  CHECK(pearson(Numbers{0, 1e200}, Numbers{1, 0}) == doctest::Approx(-1.0));
}

TEST_CASE("correlations refuse what cannot be compared") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  CHECK(contains(error_of([&] {
                   return pearson(Numbers{1, nan}, Numbers{1, 2});
                 }),
                 "Pearson: prediction 1 is nan, expected a finite number"));
  CHECK(contains(error_of([&] { return spearman(Numbers{1, 2}, Numbers{infinity, 2}); }), "Spearman: label 0 is inf"));
  CHECK(contains(error_of([&] { return average_ranks(Numbers{nan}); }), "value 0 is nan"));
  CHECK(contains(error_of([&] { return pearson(Numbers{1}, Numbers{1, 2}); }), "1 predictions for 2 labels"));
  CHECK(contains(error_of([&] { return spearman({}, {}); }), "there are no examples"));
}

}  // namespace
}  // namespace finetune::test
