// SPDX-License-Identifier: Apache-2.0
#include "finetune/evaluate/evaluate.hpp"

#include <pst/core/error.hpp>
#include <pst/core/order_key.hpp>

#include <algorithm>
#include <cmath>

namespace finetune {

namespace {

/// -log softmax(logits) of a label.
double surprise(std::span<const float> logits, int label) {
  pst::require(static_cast<std::size_t>(label) < logits.size(), "a sequence has label ", label, ", the model knows ",
               logits.size());
  const double top = *std::ranges::max_element(logits);
  double sum = 0.0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - top);
  return top + std::log(sum) - static_cast<double>(logits[static_cast<std::size_t>(label)]);
}

/// Gathers what a model says of sequences, in any order.
class Answers {
 public:
  Answers(const Task& task, std::span<const Sequence> sequences, const ModelConfig& config)
      : task_{task}, sequences_{sequences}, outputs_{outputs_of_classes(task, config.labels)} {
    if (!is_language_model(task)) {
      made_.predictions.resize(sequences.size());
      made_.logits.resize(static_cast<index_t>(sequences.size()), config.outputs());
    }
    labelled_ = std::ranges::all_of(sequences, [&](const Sequence& sequence) {
      return is_classification(task) ? sequence.label >= 0 : !std::isnan(sequence.value);
    });
  }

  void take(std::size_t sequence, std::span<const float> said_logits) {
    const std::span logits{made_.logits.row(static_cast<index_t>(sequence)).data(), said_logits.size()};
    for (std::size_t i = 0; i < logits.size(); ++i) logits[i] = said_logits[outputs_[i]];
    for (const float logit : logits)
      pst::require(pst::is_finite(logit), "the model says ", logit, " of sequence ", sequence,
                   ", expected a finite number");
    if (is_classification(task_)) {
      made_.predictions[sequence] = static_cast<double>(std::ranges::max_element(logits) - logits.begin());
      if (labelled_) add(surprise(logits, sequences_[sequence].label), 1.0);
    } else {
      const double said = logits[0], error = said - static_cast<double>(sequences_[sequence].value);
      made_.predictions[sequence] = said;
      if (labelled_) add(error * error, 1.0);
    }
  }
  void add(double mean_loss, double count) {
    pst::require(std::isfinite(mean_loss), "the model has a loss of ", mean_loss, ", expected a finite number");
    loss_ += mean_loss * count;
    count_ += count;
  }

  [[nodiscard]] Evaluation evaluation() && {
    if (count_ > 0.0) made_.loss = loss_ / count_;
    const std::vector<double>& predictions = made_.predictions;
    if (task_.kind == TaskKind::text) {
      made_.scores = score_text(task_, loss_, count_);
    } else if (is_classification(task_) && labelled_) {
      std::vector<int> said(predictions.begin(), predictions.end()), expected;
      for (const Sequence& sequence : sequences_) expected.push_back(sequence.label);
      made_.scores = score_labels(task_, said, expected);
    } else if (task_.kind == TaskKind::regression && labelled_) {
      std::vector<double> expected;
      for (const Sequence& sequence : sequences_) expected.push_back(sequence.value);
      made_.scores = score_numbers(task_, predictions, expected);
    }
    return std::move(made_);
  }

 private:
  const Task& task_;
  std::span<const Sequence> sequences_;
  std::vector<std::size_t> outputs_;  ///< of the model, for each class of the task
  Evaluation made_;
  bool labelled_ = true;
  double loss_ = 0.0, count_ = 0.0;
};

}  // namespace

std::vector<double> probabilities_of(std::span<const float> logits) {
  const double top = *std::ranges::max_element(logits);
  std::vector<double> made;
  double sum = 0.0;
  for (const float logit : logits) sum += made.emplace_back(std::exp(static_cast<double>(logit) - top));
  for (double& each : made) each /= sum;
  return made;
}

Evaluation evaluate(Model& model, const Task& task, std::span<const Sequence> sequences, std::size_t batch,
                    const std::function<void(std::size_t done)>& progress) {
  Answers answers{task, sequences, model.config()};
  Matrix logits;
  std::size_t done = 0;
  for (const auto& which : batches_of_like_length(sequences, batch)) {
    const SequenceBatch together{sequences, which};
    if (is_language_model(task)) {
      answers.add(model.loss(together.batch(), together.targets()), static_cast<double>(together.counted()));
    } else {
      model.forward(together.batch(), logits, {.keep = false});
      for (std::size_t i = 0; i < which.size(); ++i)
        answers.take(which[i], {logits.row(static_cast<index_t>(i)).data(), static_cast<std::size_t>(logits.cols())});
    }
    done += which.size();
    if (progress) progress(done);
  }
  return std::move(answers).evaluation();
}

}  // namespace finetune
