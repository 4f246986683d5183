// SPDX-License-Identifier: Apache-2.0
#include "correlation.hpp"

#include <pst/core/error.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>

namespace finetune {
namespace {

void check_finite(const char* metric, const char* what, std::span<const double> values) {
  for (std::size_t i = 0; i < values.size(); ++i)
    pst::require(std::isfinite(values[i]), metric, ": ", what, " ", i, " is ", values[i],
                 ", expected a finite number: has the training diverged?");
}

void check(const char* metric, std::span<const double> predicted, std::span<const double> expected) {
  pst::require(predicted.size() == expected.size(), metric, ": there are ", predicted.size(), " predictions for ",
               expected.size(), " labels, expected as many");
  pst::require(!expected.empty(), metric, ": there are no examples to compare, give at least one");
  check_finite(metric, "prediction", predicted);
  check_finite(metric, "label", expected);
}

/// `values` moved and scaled to mean 0 and norm 1; empty where they are all equal.
/// Dividing by the largest first keeps the squares of very large and very small values in range.
std::vector<double> standardized(std::span<const double> values) {
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  if (*least == *most) return {};
  std::vector<double> made(values.begin(), values.end());
  const auto scale_to_one = [&] {
    double largest = 0;
    for (const double x : made) largest = std::max(largest, std::abs(x));
    if (largest > 0)
      for (double& x : made) x /= largest;
    return largest > 0;
  };
  scale_to_one();
  const double mean = std::accumulate(made.begin(), made.end(), 0.0) / static_cast<double>(made.size());
  for (double& x : made) x -= mean;
  if (!scale_to_one()) return {};
  const double norm = std::sqrt(std::inner_product(made.begin(), made.end(), made.begin(), 0.0));
  for (double& x : made) x /= norm;
  return made;
}

double correlation_of(std::span<const double> a, std::span<const double> b) {
  const auto x = standardized(a), y = standardized(b);
  if (x.empty() || y.empty()) return std::numeric_limits<double>::quiet_NaN();
  return std::clamp(std::inner_product(x.begin(), x.end(), y.begin(), 0.0), -1.0, 1.0);
}

}  // namespace

double pearson(std::span<const double> predicted, std::span<const double> expected) {
  check("Pearson", predicted, expected);
  return correlation_of(predicted, expected);
}

double spearman(std::span<const double> predicted, std::span<const double> expected) {
  check("Spearman", predicted, expected);
  return correlation_of(average_ranks(predicted), average_ranks(expected));
}

std::vector<double> average_ranks(std::span<const double> values) {
  check_finite("ranks", "value", values);
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (std::size_t first = 0; first < order.size();) {
    std::size_t end = first;
    while (end < order.size() && values[order[end]] == values[order[first]]) ++end;
    const double shared = static_cast<double>(first + 1 + end) / 2;
    for (; first < end; ++first) ranks[order[first]] = shared;
  }
  return ranks;
}

}  // namespace finetune
