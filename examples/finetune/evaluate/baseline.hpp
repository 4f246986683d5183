// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>

#include "finetune/evaluate/evaluate.hpp"

namespace finetune {

/// The metric of a task that says which state is best, the higher the better: the first of its list, or `-loss` of a
/// language model.
[[nodiscard]] std::string main_metric(const Task& task);
/// Its value; none where it is undefined, or there are no labels.
[[nodiscard]] std::optional<double> main_score(const Task& task, const Evaluation& found);

/// What answers that look at no input come to.
struct Baseline {
  std::string name;  ///< what is answered, as `always "positive"`
  double score = 0;  ///< by the main metric
};

/// Of a classification the best of its classes, always answered; of a regression any constant, whose correlation is
/// undefined and counts as 0; of a language model how often each token occurs in `train`, plus one. None without
/// labels, and of a language model without `train`.
[[nodiscard]] std::optional<Baseline> baseline_of(const Task& task, std::span<const Sequence> asked,
                                                  std::span<const Sequence> train, index_t vocabulary);

/// The standard error of the main metric: the standard deviation over 200 samples of the sequences, drawn with
/// replacement (Efron, 1979) and the same ones every time. None of a language model, and without labels.
[[nodiscard]] std::optional<double> standard_error(const Task& task, const Evaluation& found,
                                                   std::span<const Sequence> asked);

/// The name of the class that is predicted for every sequence, where there are two sequences or more; none where there
/// are several classes, and for a task without classes.
[[nodiscard]] std::optional<std::string> only_class(const Task& task, const Evaluation& found);

/// A score with all that it is measured by.
struct Standing {
  std::string metric;
  std::optional<double> score = {};  ///< none where it is undefined
  std::optional<double> error = {};  ///< its standard error
  std::optional<Baseline> baseline = {};
  std::optional<double> dense = {};  ///< of the dense model
};

/// Whether the score is more than two standard errors above the baseline. An undefined one is not, and any other is
/// where there is no baseline.
[[nodiscard]] bool has_learnt(const Standing& standing);

/// As "matthews 0.2290 (standard error 0.0310), always "acceptable" 0.0000, dense 0.2480".
[[nodiscard]] std::string text_of(const Standing& standing);

}  // namespace finetune
