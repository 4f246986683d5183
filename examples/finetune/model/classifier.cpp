// SPDX-License-Identifier: Apache-2.0
#include "finetune/model/classifier.hpp"

#include <pst/core/error.hpp>

#include "transformer/cross_entropy.hpp"

namespace finetune {

namespace {

constexpr std::uint64_t head_dropout_place = 0xC1A;

bool is_bert(const ModelConfig& config) { return config.architecture == Architecture::bert; }

/// The mean of the squared errors.
double squared_error(const Matrix& guess, std::span<const float> values, Matrix& grad) {
  pst::require(static_cast<index_t>(values.size()) == guess.rows(), "a regression has ", values.size(), " values for ",
               guess.rows(), " sequences");
  grad.resizeLike(guess);
  double sum = 0.0;
  const auto share = 2.0F / static_cast<float>(guess.rows());
  for (index_t row = 0; row < guess.rows(); ++row) {
    const float error = guess(row, 0) - values[static_cast<std::size_t>(row)];
    sum += static_cast<double>(error) * static_cast<double>(error);
    grad(row, 0) = share * error;
  }
  return sum / static_cast<double>(guess.rows());
}

}  // namespace

Classifier::Classifier(const ModelConfig& config, Encoder encoder, bool train_embeddings)
    : Model{config, std::move(encoder), train_embeddings},
      dense_{transformer::dense_projection<float>(is_bert(config) ? "bert.pooler.dense" : "classifier.dense",
                                                  {config.width, config.width})},
      out_{transformer::dense_projection<float>(is_bert(config) ? "classifier" : "classifier.out_proj",
                                                {config.width, config.outputs()})} {}

std::vector<Model::Top> Classifier::tops() {
  if (is_bert(config_)) return {{dense_, Part::pooler, Owner::pooler}, {out_, Part::head, Owner::head}};
  return {{dense_, Part::head, Owner::head}, {out_, Part::head, Owner::head}};
}

transformer::Dropout Classifier::dropout(std::uint64_t use) const {
  return transformer::Dropout{config_.head_dropout, dropout_seed_}.part(head_dropout_place + use);
}

void Classifier::forward(const Batch& batch, Matrix& logits, const Pass& pass) {
  encode(batch, pass);
  first_.resize(static_cast<index_t>(batch_.first.size()), config_.width);
  for (index_t s = 0; s < first_.rows(); ++s)
    first_.row(s) = encoded_.row(batch_.first[static_cast<std::size_t>(s)] + pooled_row());
  if (!is_bert(config_)) dropout(0).apply(first_);
  dense_.forward(first_, pooled_);
  pooled_ = pooled_.array().tanh().matrix();
  dropped_ = pooled_;
  dropout(1).apply(dropped_);
  out_.forward(dropped_, logits);
}

void Classifier::backward(const Matrix& grad_logits) {
  out_.backward(dropped_, grad_logits, grad_pooled_);
  dropout(1).apply(grad_pooled_);
  grad_pooled_.array() *= 1.0F - pooled_.array().square();
  dense_.backward(first_, grad_pooled_, grad_first_);
  if (!is_bert(config_)) dropout(0).apply(grad_first_);
  grad_encoded_.setZero(encoded_.rows(), encoded_.cols());
  for (index_t s = 0; s < first_.rows(); ++s)
    grad_encoded_.row(batch_.first[static_cast<std::size_t>(s)] + pooled_row()) = grad_first_.row(s);
  encode_backward(grad_encoded_);
}

double Classifier::loss_of(const Matrix& logits, const Targets& targets, Matrix& grad) const {
  const bool is_number = config_.objective == Objective::regression;
  const double hard =
      is_number ? squared_error(logits, targets.values, grad)
                : transformer::CrossEntropy{targets.smoothing, Targets::ignored}(logits, targets.labels, grad);
  if (targets.taught.empty()) return hard;
  Matrix grad_taught;
  const double taught = is_number ? squared_error(logits, targets.taught, grad_taught)
                                  : targets.distillation.soft(logits, targets.taught, grad_taught);
  return targets.distillation.mix(hard, taught, grad_taught, grad);
}

double Classifier::learn(const Batch& batch, const Targets& targets, const Pass& pass) {
  forward(batch, logits_, pass);
  const double loss = loss_of(logits_, targets, grad_logits_);
  grad_logits_ *= static_cast<float>(pass.share);
  backward(grad_logits_);
  return loss;
}

double Classifier::loss(const Batch& batch, const Targets& targets) {
  forward(batch, logits_, {.keep = false});
  return loss_of(logits_, targets, grad_logits_);
}

}  // namespace finetune
