// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

namespace finetune {

// All of these refuse an empty input and inputs of different lengths.

/// The share of predictions that are right: `count(predicted == expected) / n`.
[[nodiscard]] double accuracy(std::span<const int> predicted, std::span<const int> expected);

/// F1 of class 1: `2 TP / (2 TP + FP + FN)`; classes are 0 and 1, any other is refused.
/// It is 0 where class 1 is neither predicted nor expected, which the formula leaves open.
[[nodiscard]] double f1(std::span<const int> predicted, std::span<const int> expected);

/// Matthews' correlation of two binary labelings:
/// `(TP TN - FP FN) / sqrt((TP + FP)(TP + FN)(TN + FP)(TN + FN))`; classes are 0 and 1, any other is refused.
/// It is 0 where one of the two names a single class throughout, which the formula leaves open.
[[nodiscard]] double matthews(std::span<const int> predicted, std::span<const int> expected);

}  // namespace finetune
