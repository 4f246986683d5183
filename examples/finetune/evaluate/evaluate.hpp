// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "finetune/data/sequences.hpp"
#include "finetune/tasks/scores.hpp"

namespace finetune {

/// What a model says of data whose answers are known.
struct Evaluation {
  std::optional<double> loss;  ///< the mean over sequences, or over tokens of a language model; none without labels
  std::vector<Score> scores;   ///< those of the task; none for a generation task, whose sentences are not written
  std::vector<double> predictions;  ///< the number of a class, or a number, for each sequence; none of a language model
  Matrix logits;                    ///< a row for each sequence, a column for each class of the task or for the number
};

/// The probabilities of the classes: softmax of a row of logits.
[[nodiscard]] std::vector<double> probabilities_of(std::span<const float> logits);

/// Asks the model about every sequence, `batch` at a time, those of like length together; the order of predictions is
/// that of `sequences`. Data without labels have predictions, no scores and no loss. `progress`, if there is one, is
/// told how many are done, and may throw to stop. Outputs of the
/// model are the classes of the task by their names, see outputs_of_classes. Throws pst::Error when a number that the
/// model says is not finite.
[[nodiscard]] Evaluation evaluate(Model& model, const Task& task, std::span<const Sequence> sequences,
                                  std::size_t batch, const std::function<void(std::size_t done)>& progress = {});

}  // namespace finetune
