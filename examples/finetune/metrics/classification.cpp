// SPDX-License-Identifier: Apache-2.0
#include "classification.hpp"

#include <pst/core/error.hpp>

#include <cmath>
#include <cstddef>

namespace finetune {
namespace {

void check_lengths(const char* metric, std::span<const int> predicted, std::span<const int> expected) {
  pst::require(predicted.size() == expected.size(), metric, ": there are ", predicted.size(), " predictions for ",
               expected.size(), " labels, expected as many");
  pst::require(!expected.empty(), metric, ": there are no examples to compare, give at least one");
}

/// How often each pair of binary labels occurs, in floating point because products of four of them overflow integers.
struct Confusion {
  double true_positive = 0, true_negative = 0, false_positive = 0, false_negative = 0;
};

Confusion confusion_of(const char* metric, std::span<const int> predicted, std::span<const int> expected) {
  check_lengths(metric, predicted, expected);
  Confusion found;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const int p = predicted[i], e = expected[i];
    pst::require((p == 0 || p == 1) && (e == 0 || e == 1), metric, ": example ", i, " has the prediction ", p,
                 " and the label ", e, ", expected 0 or 1: this metric is for two classes");
    if (e == 1) ++(p == 1 ? found.true_positive : found.false_negative);
    if (e == 0) ++(p == 0 ? found.true_negative : found.false_positive);
  }
  return found;
}

}  // namespace

double accuracy(std::span<const int> predicted, std::span<const int> expected) {
  check_lengths("accuracy", predicted, expected);
  std::size_t right = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) right += predicted[i] == expected[i] ? 1 : 0;
  return static_cast<double>(right) / static_cast<double>(expected.size());
}

double f1(std::span<const int> predicted, std::span<const int> expected) {
  const auto found = confusion_of("F1", predicted, expected);
  const double named = 2 * found.true_positive + found.false_positive + found.false_negative;
  return named > 0 ? 2 * found.true_positive / named : 0.0;
}

double matthews(std::span<const int> predicted, std::span<const int> expected) {
  const auto [tp, tn, fp, fn] = confusion_of("Matthews", predicted, expected);
  const double variance = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn);
  return variance > 0 ? (tp * tn - fp * fn) / std::sqrt(variance) : 0.0;
}

}  // namespace finetune
