// SPDX-License-Identifier: Apache-2.0
#include "finetune/model/language_model.hpp"

#include <pst/core/error.hpp>

#include <algorithm>

#include "transformer/cross_entropy.hpp"

namespace finetune {

void LanguageModel::forward(const Batch& batch, Matrix& logits, const Pass& pass) {
  encode(batch, pass);
  logits.noalias() = real_rows(encoded_, hidden_) * embeddings_.words().value.transpose();
}

void LanguageModel::backward(const Matrix& grad_logits) {
  transformer::Trained<float>& words = embeddings_.words();
  if (embeddings_.trains()) words.grad.noalias() += grad_logits.transpose() * real_rows(encoded_, hidden_);
  grad_hidden_.noalias() = grad_logits * words.value;
  grad_encoded_.setZero(encoded_.rows(), encoded_.cols());
  index_t next = 0;
  for (index_t row = 0; row < encoded_.rows(); ++row)
    if (batch_.ids[static_cast<std::size_t>(row)] >= 0) grad_encoded_.row(row) = grad_hidden_.row(next++);
  encode_backward(grad_encoded_);
}

void LanguageModel::next_logits(const Batch& batch, Cache& cache, Matrix& logits) {
  encode_next(batch, cache);
  hidden_.resize(static_cast<index_t>(batch_.first.size()), config_.width);
  for (index_t s = 0; s < hidden_.rows(); ++s) {
    const auto sequence = static_cast<std::size_t>(s);
    hidden_.row(s) = encoded_.row(batch_.first[sequence] + batch_.lengths[sequence] - 1);
  }
  logits.noalias() = hidden_ * embeddings_.words().value.transpose();
}

double LanguageModel::learn(const Batch& batch, const Targets& targets, const Pass& pass) {
  encode(batch, pass);
  const double loss = loss_of(foreseen(batch, targets), targets, pass.share, true);
  encode_backward(grad_encoded_);
  return loss;
}

double LanguageModel::loss(const Batch& batch, const Targets& targets) {
  encode(batch, {.keep = false});
  return loss_of(foreseen(batch, targets), targets, 1.0, false);
}

LanguageModel::Foreseen LanguageModel::foreseen(const Batch& batch, const Targets& targets) const {
  pst::require(targets.labels.size() == batch.ids.size(), "a language model has ", targets.labels.size(),
               " labels, expected one for each of the ", batch.ids.size(), " ids");
  Foreseen found;
  for (std::size_t s = 0; s < batch_.first.size(); ++s)
    for (index_t t = 1; t < batch_.lengths[s] - in_front().rows; ++t) {
      const int label = targets.labels[s * static_cast<std::size_t>(batch.tokens) + static_cast<std::size_t>(t)];
      if (label == Targets::ignored) continue;
      found.rows.push_back(batch_.first[s] + in_front().rows + t - 1);
      found.labels.push_back(label);
    }
  return found;
}

double LanguageModel::loss_of(const Foreseen& foreseen, const Targets& targets, double share, bool learns) {
  transformer::Trained<float>& words = embeddings_.words();
  const transformer::CrossEntropy cross_entropy{targets.smoothing, Targets::ignored};
  if (learns) grad_encoded_.setZero(encoded_.rows(), encoded_.cols());
  double loss = 0.0;
  for (std::size_t first = 0; first < foreseen.rows.size(); first += logit_rows) {
    const std::size_t count = std::min<std::size_t>(logit_rows, foreseen.rows.size() - first);
    const double part = static_cast<double>(count) / static_cast<double>(foreseen.rows.size());
    const std::span rows{foreseen.rows.data() + first, count};
    hidden_.resize(static_cast<index_t>(count), config_.width);
    for (std::size_t i = 0; i < count; ++i) hidden_.row(static_cast<index_t>(i)) = encoded_.row(rows[i]);
    logits_.noalias() = hidden_ * words.value.transpose();
    loss += part * cross_entropy(logits_, std::span{foreseen.labels.data() + first, count}, grad_logits_);
    if (!learns) continue;
    grad_logits_ *= static_cast<float>(share * part);
    if (embeddings_.trains()) words.grad.noalias() += grad_logits_.transpose() * hidden_;
    grad_hidden_.noalias() = grad_logits_ * words.value;
    for (std::size_t i = 0; i < count; ++i) grad_encoded_.row(rows[i]) = grad_hidden_.row(static_cast<index_t>(i));
  }
  return loss;
}

}  // namespace finetune
