// SPDX-License-Identifier: Apache-2.0
#include "finetune/model/classifier.hpp"
#include "finetune/model/language_model.hpp"

namespace finetune {

std::unique_ptr<Model> make_model(const ModelConfig& config, bool together, const MakeLayer& make_layer,
                                  bool train_embeddings) {
  Model::Encoder encoder{encoder_config(config, together), make_layer, encoder_names(config.architecture)};
  if (config.architecture == Architecture::gpt2)
    return std::make_unique<LanguageModel>(config, std::move(encoder), train_embeddings);
  return std::make_unique<Classifier>(config, std::move(encoder), train_embeddings);
}

}  // namespace finetune
