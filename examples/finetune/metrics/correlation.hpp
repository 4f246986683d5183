// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

namespace finetune {

// Both correlations refuse an empty input, inputs of different lengths, and numbers that are not finite. Both are NaN
// where one of the inputs is constant (a single example, too), as in SciPy: they are undefined there.

/// Pearson's correlation `sum((a - mean a)(b - mean b)) / (norm(a - mean a) norm(b - mean b))`, from -1 to 1.
[[nodiscard]] double pearson(std::span<const double> predicted, std::span<const double> expected);

/// Spearman's correlation: Pearson's of the ranks.
[[nodiscard]] double spearman(std::span<const double> predicted, std::span<const double> expected);

/// The rank of every value, from 1; equal values share the mean of their ranks.
[[nodiscard]] std::vector<double> average_ranks(std::span<const double> values);

}  // namespace finetune
