// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include "finetune/run/trained_run.hpp"

namespace finetune {

/// Where a command takes its model from.
struct ModelSource {
  std::filesystem::path model;  ///< a Hugging Face folder, or
  std::filesystem::path run;    ///< what `train` left
  std::string checkpoint = "best";
};

/// A model that is ready to be asked.
struct OpenedModel {
  std::unique_ptr<Model> model;
  std::optional<Settings> settings;    ///< of a run
  std::optional<Tokenizer> tokenizer;  ///< that of a run; of a folder if it was asked for
};

/// Adds --model, --run and --checkpoint, of which one of the first two is needed.
void add_model_options(CLI::App& command, ModelSource& source);

/// Reads the model; that of a Hugging Face folder has dense layers, as its files have them.
[[nodiscard]] OpenedModel open_model(const ModelSource& source, bool with_tokenizer);

}  // namespace finetune
