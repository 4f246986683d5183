// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "finetune/model/model.hpp"

namespace finetune {

/// Rows that a loss has the logits of at a time.
inline constexpr index_t logit_rows = 128;

/// GPT-2: the logits of the next token are products of the last hidden state with the word embeddings.
///
/// With a vocabulary of 50257 logits are by far the largest matrix, so a loss has them for `logit_rows` rows at a time,
/// and only for rows whose label counts.
class LanguageModel final : public Model {
 public:
  LanguageModel(const ModelConfig& config, Encoder encoder, bool train_embeddings)
      : Model{config, std::move(encoder), train_embeddings} {}

  void forward(const Batch& batch, Matrix& logits, const Pass& pass) override;
  void backward(const Matrix& grad_logits) override;
  double learn(const Batch& batch, const Targets& targets, const Pass& pass) override;
  double loss(const Batch& batch, const Targets& targets) override;
  void next_logits(const Batch& batch, Cache& cache, Matrix& logits) override;

 private:
  /// Rows of `encoded_` that have to foresee a label, and these labels.
  struct Foreseen {
    std::vector<index_t> rows;
    std::vector<int> labels;
  };
  [[nodiscard]] Foreseen foreseen(const Batch& batch, const Targets& targets) const;
  /// The loss over all rows; with `learns` also `grad_encoded_` and the gradient of the word embeddings.
  [[nodiscard]] double loss_of(const Foreseen& foreseen, const Targets& targets, double share, bool learns);

  Matrix hidden_, logits_, grad_logits_, grad_hidden_, grad_encoded_;
};

}  // namespace finetune
