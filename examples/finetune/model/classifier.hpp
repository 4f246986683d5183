// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "finetune/model/model.hpp"

namespace finetune {

/// BERT or RoBERTa with a label or a number for each sequence: tanh of a dense layer over the first row, then
/// another. With a prompt the first row is a virtual token, unless `PooledRow` says otherwise.
class Classifier final : public Model {
 public:
  Classifier(const ModelConfig& config, Encoder encoder, bool train_embeddings);

  void forward(const Batch& batch, Matrix& logits, const Pass& pass) override;
  void backward(const Matrix& grad_logits) override;
  double learn(const Batch& batch, const Targets& targets, const Pass& pass) override;
  double loss(const Batch& batch, const Targets& targets) override;

 protected:
  [[nodiscard]] std::vector<Top> tops() override;

 private:
  /// Writes the gradient of the logits.
  [[nodiscard]] double loss_of(const Matrix& logits, const Targets& targets, Matrix& grad) const;
  [[nodiscard]] transformer::Dropout dropout(std::uint64_t use) const;

  Layer dense_, out_;
  Matrix first_, pooled_, dropped_, logits_, grad_logits_;
  Matrix grad_pooled_, grad_first_, grad_encoded_;
};

}  // namespace finetune
