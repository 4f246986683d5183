// SPDX-License-Identifier: Apache-2.0
#include "finetune/evaluate/predictions.hpp"

#include <sstream>

namespace finetune {

namespace {

std::span<const float> logits_of_row(const Evaluation& found, std::size_t row) {
  return {found.logits.row(static_cast<index_t>(row)).data(), static_cast<std::size_t>(found.logits.cols())};
}

}  // namespace

std::string predictions_text(std::string_view row_title, std::span<const std::string> rows,
                             std::span<const PredictedClass> classes, const Evaluation& found) {
  std::ostringstream text;
  text << row_title << "\tprediction";
  for (const PredictedClass& each : classes) text << "\tprobability_" << each.name;
  for (const PredictedClass& each : classes) text << "\tscore_" << each.name;
  text << '\n';
  for (std::size_t i = 0; i < found.predictions.size(); ++i) {
    text << rows[i] << '\t';
    if (classes.empty()) {
      text << found.predictions[i] << '\n';
      continue;
    }
    const std::span logits = logits_of_row(found, i);
    text << classes[static_cast<std::size_t>(found.predictions[i])].written;
    for (const double probability : probabilities_of(logits)) text << '\t' << probability;
    for (const float logit : logits) text << '\t' << logit;
    text << '\n';
  }
  return text.str();
}

std::string answers_text(std::string_view row_title, std::span<const std::string> rows,
                         std::span<const TaskAnswers> tasks) {
  std::ostringstream text;
  text << row_title;
  for (const TaskAnswers& task : tasks) {
    text << '\t' << task.name;
    if (!task.classes.empty()) text << "\tprobability_" << task.name;
  }
  text << '\n';
  for (std::size_t i = 0; i < rows.size(); ++i) {
    text << rows[i];
    for (const TaskAnswers& task : tasks) {
      const double predicted = task.found.predictions[i];
      if (task.classes.empty()) {
        text << '\t' << predicted;
        continue;
      }
      const auto chosen = static_cast<std::size_t>(predicted);
      text << '\t' << task.classes[chosen] << '\t' << probabilities_of(logits_of_row(task.found, i))[chosen];
    }
    text << '\n';
  }
  return text.str();
}

}  // namespace finetune
