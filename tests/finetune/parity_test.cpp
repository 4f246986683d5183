// SPDX-License-Identifier: Apache-2.0
#include <pst/optim/adamw.hpp>

#include <map>

#include "model_data.hpp"

using namespace finetune;
using namespace finetune::test;

namespace {

LoadedModel load(const std::string& name, const ModelOptions& options = {}) {
  LoadedModel loaded = load_model(data / name, options, transformer::dense_layers<float>());
  loaded.model->begin_step(0, 1);
  return loaded;
}

/// Every gradient under the name and in the layout of the folder.
std::map<std::string, std::vector<float>> gradients(Model& model) {
  std::map<std::string, std::vector<float>> all;
  const std::string prefix{prefix_of(model.config().architecture)};
  for (const ModelParameter& each : model.parameters()) {
    TensorPlace place{.name = each.name};
    if (each.part == Part::layer) place = encoder_place(model.config().architecture, each.name.substr(prefix.size()));
    const auto grad = each.parameter.grad;
    auto& values = all[place.name];
    values.resize(static_cast<std::size_t>(place.parts * grad.size()));
    for (index_t row = 0; row < grad.rows; ++row)
      for (index_t col = 0; col < grad.cols; ++col)
        values[static_cast<std::size_t>(place.offset(row, col, grad.rows, grad.cols))] = grad(row, col);
  }
  return all;
}

void check_gradients(Model& model, const Golden& golden) {
  std::size_t expected = 0;
  for (const auto& entry : golden.file.entries()) expected += entry.name.starts_with("grad.") ? 1 : 0;
  const auto found = gradients(model);
  CHECK(found.size() == expected);
  double worst = 0.0;
  for (const auto& [tensor, grad] : found) {
    const std::string& name = tensor;  // doctest captures it, which a structured binding forbids
    INFO(name);
    // The bias of keys adds the same to all scores of a row: its gradient is 0 but for rounding.
    const bool is_zero = name.ends_with("key.bias");
    const double least = is_zero ? 1e-3 : 1e-5;
    const double error = relative_error(grad, golden.file.read<float>("grad." + name), least);
    CHECK(error < tolerance);
    if (!is_zero) worst = std::max(worst, error);
  }
  MESSAGE("largest relative error of a gradient: ", worst);
}

void check_logits(Model& model, const Golden& golden) {
  Matrix logits;
  model.forward(golden.batch(), logits);
  std::vector<float> expected = golden.file.read<float>("logits");
  if (model.config().objective == Objective::language_model)
    expected = without_padding(expected, golden, logits.cols());
  const double error = relative_error(numbers(logits), expected);
  MESSAGE("relative error of the logits: ", error);
  CHECK(error < tolerance);
}

const char* const folders[] = {"bert", "roberta", "gpt2"};

}  // namespace

TEST_CASE("logits, loss and every gradient are those of transformers") {
  for (const std::string name : folders) {
    CAPTURE(name);
    const Golden golden{name};
    const LoadedModel loaded = load(name);
    CHECK(loaded.made_new.empty());
    CHECK(loaded.unused.empty());
    check_logits(*loaded.model, golden);
    const double loss = loaded.model->learn(golden.batch(), golden.targets());
    CHECK(loss == doctest::Approx(golden.number("loss")).epsilon(tolerance));
    CHECK(loaded.model->loss(golden.batch(), golden.targets()) == loss);
    check_gradients(*loaded.model, golden);
  }
}

TEST_CASE("GPT-2 with one layer for query, key and value has the same logits and gradients") {
  const Golden golden{"gpt2"};
  const LoadedModel loaded = load("gpt2", {.together = true});
  check_logits(*loaded.model, golden);
  loaded.model->learn(golden.batch(), golden.targets());
  check_gradients(*loaded.model, golden);
}

TEST_CASE("the loss of GPT-2 without label smoothing is that of transformers") {
  const Golden golden{"gpt2"};
  const double loss = load("gpt2").model->loss(golden.batch(), {.labels = golden.labels});
  CHECK(loss == doctest::Approx(golden.number("sharp_loss")).epsilon(tolerance));
}

TEST_CASE("a backward from the logits gives the gradients of the loss") {
  const Golden golden{"bert"};
  const LoadedModel loaded = load("bert");
  Matrix logits, grad;
  loaded.model->forward(golden.batch(), logits);
  grad = (logits.colwise() - logits.rowwise().maxCoeff()).array().exp().matrix();
  for (index_t row = 0; row < grad.rows(); ++row) {
    grad.row(row) /= grad.row(row).sum();
    grad(row, golden.labels[static_cast<std::size_t>(row)]) -= 1.0F;
  }
  grad /= static_cast<float>(grad.rows());
  loaded.model->backward(grad);
  check_gradients(*loaded.model, golden);
}

TEST_CASE("ten steps of AdamW have the losses of torch") {
  for (const std::string name : folders) {
    CAPTURE(name);
    const Golden golden{name};
    const LoadedModel loaded = load(name);
    std::vector<pst::Parameter<float>> parameters;
    for (const ModelParameter& each : loaded.model->parameters()) parameters.push_back(each.parameter);
    pst::AdamW<float> optimizer{{.learning_rate = 1e-2, .epsilon = 1e-6, .weight_decay = 0.01}};
    double worst = 0.0;
    for (const double expected : golden.file.read<double>("losses")) {
      loaded.model->begin_step(0, 1);
      const double loss = loaded.model->learn(golden.batch(), golden.targets());
      worst = std::max(worst, std::abs(loss - expected) / std::abs(expected));
      optimizer.step(parameters);
    }
    MESSAGE("largest relative error of a loss: ", worst);
    CHECK(worst < tolerance);
  }
}

TEST_CASE("gradients of micro-batches with shares add up to those of the batch") {
  const Golden golden{"bert"};
  const LoadedModel loaded = load("bert");
  const Batch batch = golden.batch();
  for (std::size_t s = 0; s < golden.lengths.size(); ++s) {
    const auto tokens = static_cast<std::size_t>(batch.tokens);
    const Batch one{batch.tokens, batch.ids.subspan(s * tokens, tokens), batch.lengths.subspan(s, 1),
                    batch.types.subspan(s * tokens, tokens)};
    loaded.model->learn(one, {.labels = std::span{golden.labels}.subspan(s, 1)}, {.share = 1.0 / 3.0});
  }
  check_gradients(*loaded.model, golden);
}

TEST_CASE("without trained embeddings the other gradients are the same") {
  const Golden golden{"gpt2"};
  const LoadedModel loaded = load("gpt2", {.train_embeddings = false});
  loaded.model->learn(golden.batch(), golden.targets());
  const auto found = gradients(*loaded.model);
  CHECK(!found.contains("transformer.wte.weight"));
  for (const auto& [name, grad] : found)
    CHECK(relative_error(grad, golden.file.read<float>("grad." + name)) < tolerance);
}
