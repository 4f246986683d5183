// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "finetune/run/trained_run.hpp"

namespace finetune {

/// Where a command takes its model from: one of the first six.
struct ModelSource {
  std::filesystem::path model;      ///< a Hugging Face folder
  std::filesystem::path run;        ///< what `train` left
  std::filesystem::path archive;    ///< a sparse archive that `export` wrote
  std::filesystem::path task_file;  ///< another file of `export`, to be applied to `base`
  std::filesystem::path peft;       ///< the folder of an adapter of PEFT, to be applied to `base`
  std::filesystem::path adapters;   ///< that of an adapter of the library adapters, likewise
  std::filesystem::path base;  ///< the Hugging Face folder of a task file or adapter, or that of a run where it is now
  std::string checkpoint = "best";  ///< of a run
};

/// A model that is ready to be asked.
struct OpenedModel {
  std::unique_ptr<Model> model;
  std::optional<Settings> settings;    ///< of a run
  std::optional<Tokenizer> tokenizer;  ///< that of a run; of a folder if it was asked for
  std::vector<std::string> made_new;   ///< tensors that a folder does not have, with random numbers
  std::filesystem::path folder;        ///< with config.json and the files of the tokenizer
};

/// Adds --model, --run, --archive, --task-file, --peft and --adapters, of which one is needed, and what goes with them.
/// Where `task_files` is given, --task-file may stand several times, and they are put there.
void add_model_options(CLI::App& command, ModelSource& source, std::vector<std::string>* task_files = nullptr);

/// Reads the model; that of an archive has compressed layers, all others dense ones.
[[nodiscard]] OpenedModel open_model(const ModelSource& source, bool with_tokenizer);

}  // namespace finetune
