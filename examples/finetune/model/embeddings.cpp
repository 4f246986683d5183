// SPDX-License-Identifier: Apache-2.0
#include "finetune/model/embeddings.hpp"

#include <pst/core/error.hpp>

#include <string>

#include "finetune/model/names.hpp"

namespace finetune {

namespace {

constexpr std::uint64_t embedding_dropout_place = 0xE3B;

Embeddings::Table make_table(const ModelConfig& config, const char* name, index_t rows, bool trains) {
  Embeddings::Table table{std::string{prefix_of(config.architecture)} + name, 0, 0};
  table.value.setZero(rows, config.width);
  if (trains) table.grad.setZero(rows, config.width);
  return table;
}

/// An id below 0 is that of a virtual token, which no table has.
void add_rows(const Embeddings::Table& table, std::span<const int> ids, Matrix& y) {
  for (index_t row = 0; row < y.rows(); ++row) {
    const int id = ids[static_cast<std::size_t>(row)];
    if (id < 0) continue;
    pst::require(id < table.value.rows(), "token ", row, " has id ", id, ", expected 0 to ", table.value.rows() - 1,
                 " for ", table.name);
    y.row(row) += table.value.row(id);
  }
}

/// Calls `visit(row, k)` with every row of the `count` virtual tokens, and which it is.
template <class Visit>
void for_each_virtual(const PackedBatch& batch, index_t count, Visit&& visit) {
  for (index_t row = 0; count > 0 && row < batch.rows(); ++row)
    if (const int id = batch.ids[static_cast<std::size_t>(row)]; id < 0) visit(row, index_t{-1} - id);
}

/// The row `still` does not train: torch calls it padding_idx.
void learn_rows(Embeddings::Table& table, std::span<const int> ids, const Matrix& grad, index_t still) {
  for (index_t row = 0; row < grad.rows(); ++row) {
    const int id = ids[static_cast<std::size_t>(row)];
    if (id >= 0 && id != still) table.grad.row(id) += grad.row(row);
  }
}

}  // namespace

Embeddings::Embeddings(const ModelConfig& config, bool trains)
    : trains_{trains},
      tables_{std::make_shared<Tables>(Tables{
          .words = make_table(
              config, config.architecture == Architecture::gpt2 ? "wte.weight" : "embeddings.word_embeddings.weight",
              config.vocabulary, trains),
          .positions = make_table(
              config,
              config.architecture == Architecture::gpt2 ? "wpe.weight" : "embeddings.position_embeddings.weight",
              config.positions, trains)})},
      dropout_{config.embedding_dropout},
      pad_id_{config.pad_id},
      pad_position_{config.architecture == Architecture::roberta ? config.pad_id : -1} {
  if (config.architecture == Architecture::gpt2) return;
  tables_->types = make_table(config, "embeddings.token_type_embeddings.weight", config.types, trains);
  norm_.emplace("embeddings.LayerNorm", config.width, config.norm_epsilon);
}

void Embeddings::share_tables(const Embeddings& other) {
  trains_ = false;
  tables_ = other.tables_;
}

transformer::Dropout Embeddings::dropout(std::uint64_t seed) const {
  return transformer::Dropout{dropout_, seed}.part(embedding_dropout_place);
}

void Embeddings::forward(const PackedBatch& batch, pst::MatrixView<const float> prompt, std::uint64_t dropout_seed,
                         Matrix& y) {
  Matrix& sum = norm_ ? sum_ : y;
  sum.setZero(batch.rows(), tables_->words.value.cols());
  add_rows(tables_->words, batch.ids, sum);
  for_each_virtual(batch, prompt.rows,
                   [&](index_t row, index_t k) { sum.row(row) += transformer::map(prompt).row(k); });
  add_rows(tables_->positions, batch.positions, sum);
  if (tables_->types) add_rows(*tables_->types, batch.types, sum);
  if (norm_) norm_->forward(sum, tape_, y);
  dropout(dropout_seed).apply(y);
}

void Embeddings::backward(const PackedBatch& batch, std::uint64_t dropout_seed, Matrix& grad,
                          pst::MatrixView<float> grad_prompt) {
  dropout(dropout_seed).apply(grad);
  if (norm_) norm_->backward(tape_, grad, grad);
  for_each_virtual(batch, grad_prompt.rows,
                   [&](index_t row, index_t k) { transformer::map(grad_prompt).row(k) += grad.row(row); });
  if (!trains_) return;
  learn_rows(tables_->words, batch.ids, grad, pad_id_);
  learn_rows(tables_->positions, batch.positions, grad, pad_position_);
  if (tables_->types) learn_rows(*tables_->types, batch.types, grad, -1);
}

void Embeddings::zero_gradients() {
  for_each_table([](Table& table) { table.grad.setZero(); });
  if (norm_) norm_->for_each_parameter([](auto parameter) { transformer::map(parameter.grad).setZero(); });
}

}  // namespace finetune
