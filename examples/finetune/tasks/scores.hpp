// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "finetune/metrics/sentences.hpp"
#include "task.hpp"

namespace finetune {

/// A metric of a task and its value.
struct Score {
  std::string_view name;
  double value = 0;  ///< NaN where it is undefined, as a correlation with numbers that are all equal
};

/// With four digits, or "undefined".
[[nodiscard]] std::string text_of(const Score& score);

// The scores that the task reports, in the table's order. A metric that does not go with the input is refused.

/// Of classes; F1 and Matthews' correlation take class 1 for the positive one.
[[nodiscard]] std::vector<Score> score_labels(const Task& task, std::span<const int> predicted,
                                              std::span<const int> expected);

/// Of numbers.
[[nodiscard]] std::vector<Score> score_numbers(const Task& task, std::span<const double> predicted,
                                               std::span<const double> expected);

/// Of sentences.
[[nodiscard]] std::vector<Score> score_sentences(const Task& task, std::span<const Generated> sentences);

/// Of running text: `exp(summed_loss / tokens)`, the summed negative log-likelihood in natural logarithms.
[[nodiscard]] std::vector<Score> score_text(const Task& task, double summed_loss, double tokens);

}  // namespace finetune
