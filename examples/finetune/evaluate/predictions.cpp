// SPDX-License-Identifier: Apache-2.0
#include "finetune/evaluate/predictions.hpp"

#include <sstream>

namespace finetune {

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
    const auto row = static_cast<index_t>(i);
    const std::span logits{found.logits.row(row).data(), static_cast<std::size_t>(found.logits.cols())};
    text << classes[static_cast<std::size_t>(found.predictions[i])].written;
    for (const double probability : probabilities_of(logits)) text << '\t' << probability;
    for (const float logit : logits) text << '\t' << logit;
    text << '\n';
  }
  return text.str();
}

}  // namespace finetune
