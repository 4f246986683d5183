// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/optim/adamw.hpp>

#include "finetune/methods/methods.hpp"
#include "model_data.hpp"

namespace finetune::test {

/// What the models of these tests are trained with: most weights go, so that products are compressed.
[[nodiscard]] inline MethodSettings method_of(const std::string& name) {
  MethodSettings settings;
  settings.name = name;
  settings.sparsity = 0.8;
  settings.schedule = "constant";
  settings.delta_rank = 3;
  settings.beta = 0.7;
  return settings;
}

/// A model of the fixtures after a few steps, in which norms, biases and the head train too.
[[nodiscard]] inline std::unique_ptr<Model> trained_model(const std::string& name, const MethodSettings& settings,
                                                          const ModelOptions& options = {.train_embeddings = false}) {
  const Golden golden{name};
  std::unique_ptr<Model> model = load_model(data / name, options, method_layers(settings, 5)).model;
  std::vector<pst::Parameter<float>> parameters;
  for (const ModelParameter& each : model->parameters()) parameters.push_back(each.parameter);
  pst::AdamW<float> optimizer{{.learning_rate = 2e-2}};
  for (int step = 0; step < 4; ++step) {
    model->begin_step(step, 4);
    model->learn(golden.batch(), golden.targets());
    optimizer.step(parameters);
  }
  model->begin_step(4, 4);
  return model;
}

[[nodiscard]] inline std::vector<float> logits_of(Model& model, const Golden& golden) {
  Matrix logits;
  model.forward(golden.batch(), logits);
  return numbers(logits);
}
[[nodiscard]] inline std::vector<float> logits_of(Model& model, const std::string& fixture) {
  return logits_of(model, Golden{fixture});
}

}  // namespace finetune::test
