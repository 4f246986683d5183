// SPDX-License-Identifier: Apache-2.0
#include "finetune/model/model.hpp"

#include <pst/any/changed.hpp>
#include <pst/any/kept.hpp>
#include <pst/any/layer_set.hpp>
#include <pst/core/error.hpp>

#include <algorithm>
#include <random>
#include <utility>

namespace finetune {

namespace {

pst::Tensor tensor_of(const std::string& name, pst::MatrixView<float> value) {
  const auto size = static_cast<std::size_t>(value.size());
  return pst::Tensor::from<float>(name, {value.rows, value.cols}, {value.data, size});
}

void put(const pst::Tensor& tensor, pst::MatrixView<float> value) {
  const std::vector<float> values = tensor.values<float>();
  pst::require(tensor.shape == std::vector<index_t>{value.rows, value.cols}, "tensor ", tensor.name,
               " does not fit, expected ", value.rows, " x ", value.cols, " numbers");
  std::ranges::copy(values, value.data);
}

/// Whether what a layer changes is behind gates.
bool is_gated(const Layer& layer) {
  return std::ranges::any_of(layer.layer.layout().entries,
                             [](const pst::ParameterEntry& each) { return each.name.ends_with("delta.gate"); });
}
/// The weight that a layer borrows.
pst::MatrixView<const float> weight_of(const Layer& layer) {
  return layer.lent.data != nullptr ? layer.lent : transformer::view(layer.weight);
}

/// "h.0.ln_1.gain" is called "h.0.ln_1.weight" in a folder.
std::string folder_name(std::string_view prefix, std::string_view name) {
  std::string made = std::string{prefix} + std::string{name};
  if (made.ends_with(".gain")) made.replace(made.size() - 4, 4, "weight");
  return made;
}

}  // namespace

Model::Model(ModelConfig config, Encoder encoder, bool train_embeddings)
    : config_{std::move(config)}, encoder_{std::move(encoder)}, embeddings_{config_, train_embeddings} {}

void Model::next_logits(const Batch&, Cache&, Matrix&) { pst::fail("only a language model has a next token"); }

Cache Model::make_cache(index_t sequences) const {
  return {config_.blocks, config_.width, config_.longest() + in_front().rows, sequences};
}

void Model::borrow(Model& other) {
  embeddings_.share_tables(other.embeddings_);
  std::vector<const Layer*> lenders;
  other.for_each_layer([&](const Layer& layer) { lenders.push_back(&layer); });
  auto lender = lenders.begin();
  for_each_layer([&](Layer& layer) { layer.lent = transformer::view((*lender++)->weight); });
}

void Model::attach() {
  encoder_.attach();
  for (const Top& top : tops()) top.dense.attach();
  collect_parameters();
}

void Model::collect_parameters() {
  parameters_ = current_parameters();
  for (ModelParameter& each : parameters_) each.parameter.name = each.name;
}

void Model::put_branches(std::span<const PlacedBranch> branches, std::uint64_t seed) {
  const pst::SharedCpu cpu = pst::share_cpu();
  for (const PlacedBranch& each : branches) {
    encoder_.put_branches(each.place, each.policy, seed, encoder_names(config_.architecture), cpu);
    branches_.push_back(each);
  }
  collect_parameters();
}

void Model::remove_branches() {
  encoder_.remove_branches();
  branches_.clear();
  collect_parameters();
}

void Model::put_virtual_tokens(const PlacedTokens& tokens, std::uint64_t seed) {
  const index_t positions = config_.longest() + config_.taken;
  pst::require(tokens.shift() < positions, "there are ", tokens.count,
               " virtual tokens in front of a sequence, but the model has ", positions,
               " positions: take fewer, or leave the positions of the real tokens unchanged");
  pst::require(!tokens.from_vocabulary || std::holds_alternative<pst::Direct>(tokens.policy),
               "virtual tokens begin as words, but they come from an MLP: let them train directly, or begin as normal "
               "numbers");
  encoder_.set_prefix({}, {});
  virtual_tokens_.emplace(tokens.policy, tokens.count, tokens.features(config_), tokens.name(),
                          pst::derive_seed(seed, tokens.name()), pst::share_cpu());
  placed_tokens_ = tokens;
  config_.taken = tokens.shift();
  if (tokens.place == TokenPlace::prefix) encoder_.set_prefix(virtual_tokens_->vectors(), virtual_tokens_->grad());
  if (tokens.from_vocabulary) begin_as_words(seed);
  collect_parameters();
}

void Model::begin_as_words(std::uint64_t seed) {
  const Matrix& words = embeddings_.words().value;
  virtual_tokens_->for_each_parameter([&](const pst::Parameter<float>& each) {
    for (index_t k = 0; k < each.value.rows; ++k) {
      const std::uint64_t drawn = pst::mix_bits(pst::derive_seed(seed, 'W') + static_cast<std::uint64_t>(k));
      transformer::map(each.value).row(k) =
          words.row(static_cast<index_t>(drawn % static_cast<std::uint64_t>(words.rows())));
    }
  });
  virtual_tokens_->compute();
}

void Model::put_virtual_tokens(PlacedTokens tokens, pst::MatrixView<const float> vectors) {
  pst::require(vectors.rows == tokens.count && vectors.cols == tokens.features(config_), "virtual tokens are ",
               vectors.rows, " x ", vectors.cols, ", expected ", tokens.count, " x ", tokens.features(config_));
  tokens.policy = pst::Direct{};
  tokens.from_vocabulary = false;
  put_virtual_tokens(tokens, 1);
  virtual_tokens_->for_each_parameter(
      [&](const pst::Parameter<float>& each) { transformer::map(each.value) = transformer::map(vectors); });
  virtual_tokens_->compute();
}

void Model::remove_virtual_tokens() {
  encoder_.set_prefix({}, {});
  virtual_tokens_.reset();
  placed_tokens_.reset();
  config_.taken = 0;
  collect_parameters();
}

pst::MatrixView<const float> Model::virtual_vectors() const {
  return virtual_tokens_ ? virtual_tokens_->vectors() : pst::MatrixView<const float>{};
}

InFront Model::in_front() const {
  return placed_tokens_ ? InFront{placed_tokens_->rows(), placed_tokens_->shift()} : InFront{};
}

index_t Model::pooled_row() const {
  return placed_tokens_ && placed_tokens_->pooled == PooledRow::first_token ? placed_tokens_->rows() : 0;
}

const Matrix& Model::real_rows(const Matrix& all, Matrix& scratch) const {
  if (in_front().rows == 0) return all;
  const auto is_real = [](int id) { return id >= 0; };
  scratch.resize(static_cast<index_t>(std::ranges::count_if(batch_.ids, is_real)), all.cols());
  index_t next = 0;
  for (index_t row = 0; row < all.rows(); ++row)
    if (is_real(batch_.ids[static_cast<std::size_t>(row)])) scratch.row(next++) = all.row(row);
  return scratch;
}

void Model::refuse_added(const char* form) const {
  pst::require(!placed_tokens_, "the model has virtual tokens, a ", placed_tokens_ ? placed_tokens_->name() : "",
               ", which ", form, " does not hold: write a task file");
  if (branches_.empty()) return;
  pst::fail("the model has a branch called ", transformer::name_of(branches_.front().place), ", which ", form,
            " does not hold: write a task file");
}

std::vector<ModelParameter> Model::current_parameters() {
  std::vector<ModelParameter> list;
  const std::string_view prefix = prefix_of(config_.architecture);
  const auto add = [&](Part part, std::string name, const pst::Parameter<float>& parameter) {
    list.push_back({part, std::move(name), parameter});
  };
  const auto add_norm = [&](Norm& norm) {
    norm.for_each_parameter([&](const pst::Parameter<float>& parameter) {
      add(Part::norm, folder_name(prefix, parameter.name), parameter);
    });
  };
  if (embeddings_.trains())
    embeddings_.for_each_table([&](Embeddings::Table& table) { add(Part::embedding, table.name, table.parameter()); });
  if (embeddings_.norm()) add_norm(*embeddings_.norm());
  for_each_layer([&](Layer& each) {
    each.layer.for_each_parameter([&](const pst::Parameter<float>& parameter) {
      add(Part::layer, std::string{prefix} + std::string{parameter.name}, parameter);
    });
  });
  if (auto* const shared = encoder_.shared_vector())
    add(Part::shared, std::string{prefix} + std::string{shared->parameter().name}, shared->parameter());
  encoder_.for_each_norm(add_norm);
  const auto add_branch = [&](const pst::Parameter<float>& parameter) {
    add(Part::branch, std::string{prefix} + std::string{parameter.name}, parameter);
  };
  encoder_.for_each_branch([&](auto& branch) { branch.for_each_parameter(add_branch); });
  encoder_.rule.for_each_parameter(add_branch);
  if (virtual_tokens_)
    virtual_tokens_->for_each_parameter([&](const pst::Parameter<float>& parameter) {
      add(Part::tokens, std::string{prefix} + std::string{parameter.name}, parameter);
    });
  for (const Top& top : tops())
    top.dense.layer.for_each_parameter(
        [&](const pst::Parameter<float>& parameter) { add(top.part, std::string{parameter.name}, parameter); });
  return list;
}

void Model::begin_step(index_t step, index_t steps) {
  encoder_.begin_step(step, steps);
  embeddings_.zero_gradients();
  if (virtual_tokens_) {
    virtual_tokens_->compute();
    virtual_tokens_->zero_gradients();
  }
  for (const Top& top : tops()) top.dense.layer.begin_step(step, steps);
}

void Model::refresh(double progress) {
  encoder_.refresh(progress);
  if (virtual_tokens_) virtual_tokens_->compute();
}

void Model::train_kept(double progress) {
  refresh(progress);
  for_each_layer([&](Layer& each) {
    if (each.layer.sparsity() == 0) return;  // nothing was pruned, or the module does not train
    replace(each, pst::train_kept<float>(each.layer, transformer::view(each.bias), kept_cpu()));
  });
  collect_parameters();
}

void Model::train_changes(double share) {
  refresh(1.0);
  std::vector<Layer*> layers;
  std::vector<pst::AnyLinear<float>*> gated;
  for_each_layer([&](Layer& each) {
    if (!is_gated(each)) return;  // the module does not train
    layers.push_back(&each);
    gated.push_back(&each.layer);
  });
  const std::vector<pst::Places> places = pst::largest_changes<float>(gated, share);
  for (std::size_t i = 0; i < layers.size(); ++i)
    layers[i]->layer = pst::train_changes<float>(layers[i]->layer, places[i], weight_of(*layers[i]),
                                                 transformer::view(layers[i]->bias), kept_cpu());
  collect_parameters();
}

void Model::replace(Layer& layer, pst::AnyLinear<float> kept) {
  layer.layer = std::move(kept);
  layer.weight = {};
}

const pst::SharedCpu& Model::kept_cpu() {
  if (kept_cpu_.empty()) kept_cpu_ = pst::share_cpu();
  return kept_cpu_;
}

void Model::encode(const Batch& batch, const Pass& pass) {
  pack(batch, config_, batch_, in_front());
  dropout_seed_ = pass.dropout_seed;
  embeddings_.forward(batch_, prompt_vectors(), dropout_seed_, embedded_);
  const transformer::Sequences sequences = batch_.sequences(dropout_seed_);
  if (pass.keep)
    encoder_.forward(embedded_, sequences, tape_, encoded_);
  else
    encoder_.infer(embedded_, sequences, tape_, encoded_);
}

void Model::encode_next(const Batch& batch, Cache& cache) {
  pack(batch, config_, batch_, in_front(), cache.lengths());
  embeddings_.forward(batch_, prompt_vectors(), 0, embedded_);
  encoder_.extend(embedded_, batch_.lengths, cache, tape_, encoded_);
}

void Model::encode_backward(const Matrix& grad_encoded) {
  encoder_.backward(batch_.sequences(dropout_seed_), tape_, grad_encoded, grad_embedded_);
  if (encoder_.lowest_trained > 0) return;
  const bool has_prompt = in_front().rows > 0;
  embeddings_.backward(batch_, dropout_seed_, grad_embedded_,
                       has_prompt ? virtual_tokens_->grad() : pst::MatrixView<float>{});
  if (virtual_tokens_) virtual_tokens_->backward();
}

pst::MatrixView<const float> Model::prompt_vectors() const {
  return in_front().rows > 0 ? virtual_tokens_->vectors() : pst::MatrixView<const float>{};
}

void Model::for_each_tensor(const VisitTensor& visit) {
  embeddings_.for_each_table([&](Embeddings::Table& table) { visit({.name = table.name}, table.value, nullptr); });
  const auto in_encoder = [&](const std::string& name, Matrix& value, Layer* layer) {
    visit(encoder_place(config_.architecture, name), value, layer);
  };
  const auto visit_norm = [&](Norm& norm) {
    in_encoder(norm.gain.name, norm.gain.value, nullptr);
    in_encoder(norm.bias.name, norm.bias.value, nullptr);
  };
  if (embeddings_.norm()) visit_norm(*embeddings_.norm());
  for_each_layer([&](Layer& layer) {
    in_encoder(layer.name + ".weight", layer.weight, &layer);
    in_encoder(layer.name + ".bias", layer.bias, nullptr);
  });
  encoder_.for_each_norm(visit_norm);
  for (const Top& top : tops()) {
    visit({.name = top.dense.name + ".weight"}, top.dense.weight, nullptr);
    visit({.name = top.dense.name + ".bias", .is_vector = true}, top.dense.bias, nullptr);
  }
}

void Model::initialise(Owner owner, std::uint64_t seed) {
  std::mt19937_64 random{seed};
  for (const Top& top : tops()) {
    if (top.owner != owner) continue;
    transformer::fill_normal(top.dense.weight, config_.initial_deviation, random);
    top.dense.bias.setZero();
  }
}

pst::TensorList Model::save() {
  pst::TensorList list;
  for (const ModelParameter& each : parameters_)
    if (each.part != Part::layer) list.push_back(tensor_of(each.name, each.parameter.value));
  for_each_layer([&](Layer& each) {
    for (pst::Tensor& tensor : each.layer.save()) {
      tensor.name = each.name + "/" + tensor.name;
      list.push_back(std::move(tensor));
    }
  });
  return list;
}

void Model::restore_layer(Layer& layer, const pst::TensorList& state) {
  const std::string name = layer.layer.name();
  const pst::Shape shape = layer.layer.shape();
  const bool has_dense_weight = layer.weight.size() > 0;
  if (pst::is_of_changes(state) && is_gated(layer))
    layer.layer =
        pst::restore_changes<float>(name, shape, state, weight_of(layer), transformer::view(layer.bias), kept_cpu());
  else if (pst::is_of_kept(state) && has_dense_weight)
    replace(layer, pst::restore_kept<float>(name, shape, state, transformer::view(layer.bias), kept_cpu()));
  else
    layer.layer.restore(state);
}

void Model::restore(const pst::TensorList& state) {
  for (const ModelParameter& each : parameters_)  // layers look at it when they are restored
    if (each.part == Part::shared) put(pst::find(state, each.name), each.parameter.value);
  for_each_layer([&](Layer& each) { restore_layer(each, pst::part_of(state, each.name)); });
  collect_parameters();
  for (const ModelParameter& each : parameters_)
    if (each.part != Part::layer) put(pst::find(state, each.name), each.parameter.value);
  if (virtual_tokens_) virtual_tokens_->compute();
}

}  // namespace finetune
