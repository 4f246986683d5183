// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "finetune/evaluate/evaluate.hpp"

namespace finetune {

/// A class in a table of predictions: as a row writes it, and as the header names its columns.
struct PredictedClass {
  std::string_view written, name;
};

/// A table with tabs between its columns: what `rows` call each sequence, what is predicted, and for classes the
/// probability of each and its score, the logit. A regression has no classes, and its number is what is predicted.
[[nodiscard]] std::string predictions_text(std::string_view row_title, std::span<const std::string> rows,
                                           std::span<const PredictedClass> classes, const Evaluation& found);

/// What one of several tasks says.
struct TaskAnswers {
  std::string name;
  std::vector<std::string> classes;  ///< none of a regression
  Evaluation found;
};

/// A table of what several tasks say of the same rows: for each task the class and its probability, or the number.
[[nodiscard]] std::string answers_text(std::string_view row_title, std::span<const std::string> rows,
                                       std::span<const TaskAnswers> tasks);

}  // namespace finetune
