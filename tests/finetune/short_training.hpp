// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "finetune/methods/adapters.hpp"
#include "finetune/methods/methods.hpp"
#include "finetune/train/parameters.hpp"
#include "model_data.hpp"

namespace finetune::test {

[[nodiscard]] inline Settings settings_of(const MethodSettings& method) {
  Settings settings;
  settings.method = method;
  settings.rate = 1e-2;
  return settings;
}

/// The model of a folder with the layers of a method.
[[nodiscard]] inline std::unique_ptr<Model> model_of(const fs::path& folder, const MethodSettings& method) {
  const index_t blocks = read_config(folder).blocks;
  return load_model(folder, {.train_embeddings = false}, method_layers(method, 5, blocks)).model;
}

/// Three steps of what trains, as the trainer takes them, on the golden batch of a fixture.
inline void train_shortly(Model& model, const Settings& settings, const Golden& golden) {
  Optimizer optimizer{model, settings};
  model.encoder().lowest_trained = lowest_trained_block(model, settings);
  for (int step = 1; step <= 3; ++step) {
    model.begin_step(step, 3);
    static_cast<void>(model.learn(golden.batch(), golden.targets()));
    optimizer.step(1.0, 1.0);
  }
  optimizer.check(model, settings);
  model.refresh(1.0);
}

/// The model of a folder with the layers and the adapter of a method.
[[nodiscard]] inline std::unique_ptr<Model> adapted(const fs::path& folder, const MethodSettings& method) {
  auto model = model_of(folder, method);
  put_adapter(*model, method, 5);
  return model;
}
/// The same after these steps on the batch of a fixture.
[[nodiscard]] inline std::unique_ptr<Model> trained(const fs::path& folder, const std::string& fixture,
                                                    const MethodSettings& method) {
  auto model = adapted(folder, method);
  train_shortly(*model, settings_of(method), Golden{fixture});
  return model;
}

}  // namespace finetune::test
