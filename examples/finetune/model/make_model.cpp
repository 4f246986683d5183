// SPDX-License-Identifier: Apache-2.0
#include "finetune/model/classifier.hpp"
#include "finetune/model/language_model.hpp"

namespace finetune {

std::unique_ptr<Model> make_model(const ModelConfig& config, std::unique_ptr<Body> body, bool train_embeddings) {
  if (config.architecture == Architecture::gpt2)
    return std::make_unique<LanguageModel>(config, std::move(body), train_embeddings);
  return std::make_unique<Classifier>(config, std::move(body), train_embeddings);
}

}  // namespace finetune
