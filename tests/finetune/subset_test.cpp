// SPDX-License-Identifier: Apache-2.0
// What trains of a model, and what rests: bits are compared.
#include <doctest/doctest.h>

#include <pst/core/error.hpp>

#include <cstring>
#include <map>
#include <set>

#include "finetune/model/names.hpp"
#include "short_training.hpp"

using namespace finetune;
using namespace finetune::test;

namespace {

using Tensors = std::map<std::string, std::vector<float>>;
Tensors tensors_of(Model& model) {
  Tensors all;
  model.for_each_tensor([&](const TensorPlace& place, const Matrix& value, Layer*) {
    all[place.name + '#' + std::to_string(place.part)] = numbers(value);
  });
  return all;
}

/// Trains, and returns the tensors of the folder whose bits are others than before, without pooler and head.
std::set<std::string> changed_by(const char* name, const MethodSettings& method) {
  const Golden golden{name};
  const Settings settings = settings_of(method);
  const auto model = model_of(data / name, method);
  const Tensors before = tensors_of(*model);
  train_shortly(*model, settings, golden);
  std::set<std::string> changed;
  const std::string prefix{prefix_of(model->config().architecture)};
  for (const auto& [tensor, values] : tensors_of(*model)) {
    const std::vector<float>& old = before.at(tensor);
    const bool same = std::memcmp(values.data(), old.data(), values.size() * sizeof(float)) == 0;
    if (!same && tensor.starts_with(prefix) && tensor.find("pooler") == std::string::npos)
      changed.insert(tensor.substr(prefix.size(), tensor.find('#') - prefix.size()));
  }
  return changed;
}
bool is_bias(const std::string& name) { return name.ends_with(".bias"); }
bool is_norm(const std::string& name) {
  return name.find("LayerNorm") != std::string::npos || name.find("ln_") != std::string::npos;
}

}  // namespace

TEST_CASE("BitFit trains every bias, those of norms too, and no other number") {
  for (const char* name : {"bert", "roberta", "gpt2"}) {
    INFO(name);
    const auto changed = changed_by(name, {.name = "bitfit"});
    CHECK(std::ranges::all_of(changed, is_bias));
    CHECK(std::ranges::any_of(changed, is_norm));
    CHECK(std::ranges::any_of(changed, [](const std::string& each) { return !is_norm(each); }));
  }
}

TEST_CASE("BitFit trains L (7 d + f) numbers of the blocks, 2 d of embeddings and nothing else in the encoder") {
  const auto model = model_of(data / "bert", {.name = "bitfit"});
  const ModelConfig& config = model->config();
  const auto trains = trained_parameters(settings_of({.name = "bitfit"}), config);
  index_t found = 0;
  for (const ModelParameter& each : model->parameters())
    if (trains(each) && (each.part == Part::layer || each.part == Part::norm)) found += each.parameter.value.size();
  CHECK(found == config.blocks * (7 * config.width + config.hidden) + config.width);
}

TEST_CASE("norms alone train 2 d (2 L + 1) numbers") {
  const auto changed = changed_by("bert", {.name = "norms"});
  CHECK(std::ranges::all_of(changed, is_norm));
  const auto model = model_of(data / "bert", {.name = "norms"});
  const auto trains = trained_parameters(settings_of({.name = "norms"}), model->config());
  index_t found = 0;
  for (const ModelParameter& each : model->parameters())
    if (trains(each) && each.part == Part::norm) found += each.parameter.value.size();
  CHECK(found == 2 * model->config().width * (2 * model->config().blocks + 1));
}

TEST_CASE("the last block trains, and everything below it keeps its bits") {
  for (const char* name : {"bert", "gpt2"}) {
    INFO(name);
    const auto config = read_config(data / name);
    const MethodSettings method{.name = "full", .modules = "@last-1"};
    const auto changed = changed_by(name, method);
    CHECK_FALSE(changed.empty());
    for (const std::string& tensor : changed) {
      INFO(tensor);
      CHECK(block_of(config.architecture, tensor) == config.blocks - 1);
    }
    CHECK(lowest_trained_block(*model_of(data / name, method), settings_of(method)) == config.blocks - 1);
  }
}

TEST_CASE("a low-rank update of chosen modules leaves every tensor of the folder as it is") {
  CHECK(changed_by("bert", {.name = "lora", .modules = "query,value", .beside = "none"}).empty());
  const auto changed = changed_by("bert", {.name = "lora", .modules = "query,value"});
  CHECK(std::ranges::all_of(changed, [](const std::string& tensor) {
    return tensor.ends_with("query.bias") || tensor.ends_with("value.bias");
  }));
  CHECK_FALSE(changed.empty());
}

TEST_CASE("a frozen model with nothing beside trains its head, without a backward through the blocks") {
  const MethodSettings method{.name = "frozen", .beside = "none"};
  CHECK(changed_by("bert", method).empty());
  const auto model = model_of(data / "bert", method);
  CHECK(lowest_trained_block(*model, settings_of(method)) == model->config().blocks);
}

TEST_CASE("below a norm or an embedding that trains, backward goes on to the end") {
  for (const MethodSettings& method :
       {MethodSettings{.name = "bitfit"}, {.name = "full", .modules = "query@1,embeddings.LayerNorm"}})
    CHECK(lowest_trained_block(*model_of(data / "bert", method), settings_of(method)) == 0);
}

TEST_CASE("toolkit test 8: an optimizer that does not move what trains is refused, with the names") {
  const Settings settings = settings_of({.name = "bitfit"});
  const auto model = model_of(data / "bert", settings.method), other = model_of(data / "bert", settings.method);
  const Optimizer optimizer{*model, settings};
  CHECK_NOTHROW(optimizer.check(*model, settings));
  const auto refusal = [&](Model& of, const Settings& with) -> std::string {
    try {
      optimizer.check(of, with);
    } catch (const pst::Error& error) {
      return error.what();
    }
    return {};
  };
  CHECK(refusal(*other, settings).starts_with("what trains is not what the optimizer moves: bert.embeddings"));
  Settings fewer = settings;
  fewer.method.exclude = "embeddings.LayerNorm";
  CHECK(refusal(*model, fewer) ==
        "what trains is not what the optimizer moves: nothing is missing there, and bert.embeddings.LayerNorm.bias is "
        "there that does not train, expected the same parameters");
}

TEST_CASE("what trains besides is read, or refused") {
  CHECK(beside_of({.name = "lora"}).norms);
  CHECK_FALSE(beside_of({.name = "bitfit"}).norms);
  CHECK(beside_of({.name = "lora", .beside = "norms"}).norms);
  CHECK_FALSE(beside_of({.name = "lora", .beside = "norms"}).biases);
  CHECK_FALSE(beside_of({.name = "lora", .beside = "none"}).norms);
  for (const char* text : {"all", "biases,", "norms,norms", "biases norms"})
    CHECK_THROWS_AS(static_cast<void>(beside_of({.name = "lora", .beside = text})), pst::Error);
}
