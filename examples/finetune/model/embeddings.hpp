// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>

#include "finetune/model/batch.hpp"
#include "finetune/model/layer.hpp"

namespace finetune {

/// What goes into the first block: the word, its position and its type, and in BERT and RoBERTa a layer norm.
class Embeddings {
 public:
  using Table = transformer::Trained<float>;

  /// Without `trains` the tables have no gradient, which would be as large as they are.
  Embeddings(const ModelConfig& config, bool trains);

  /// `prompt` has the vectors of the batch's virtual tokens; empty: there are none.
  void forward(const PackedBatch& batch, pst::MatrixView<const float> prompt, std::uint64_t dropout_seed, Matrix& y);
  /// Of the last forward; `grad` is used up. The gradient of the prompt is added to `grad_prompt`.
  void backward(const PackedBatch& batch, std::uint64_t dropout_seed, Matrix& grad, pst::MatrixView<float> grad_prompt);
  void zero_gradients();

  [[nodiscard]] bool trains() const noexcept { return trains_; }
  /// From here on the tables are those of another model of the same shape, in whose memory they stay; they do not
  /// train.
  void share_tables(const Embeddings& other);
  [[nodiscard]] Table& words() noexcept { return tables_->words; }
  [[nodiscard]] std::optional<Norm>& norm() noexcept { return norm_; }
  /// Calls `visit` with each table.
  template <class Visit>
  void for_each_table(Visit&& visit) {
    visit(tables_->words);
    visit(tables_->positions);
    if (tables_->types) visit(*tables_->types);
  }

 private:
  [[nodiscard]] transformer::Dropout dropout(std::uint64_t seed) const;

  struct Tables {
    Table words, positions;
    std::optional<Table> types{};
  };

  bool trains_;
  std::shared_ptr<Tables> tables_;
  std::optional<Norm> norm_;
  Norm::Tape tape_;
  Matrix sum_;
  double dropout_;
  index_t pad_id_, pad_position_;
};

}  // namespace finetune
