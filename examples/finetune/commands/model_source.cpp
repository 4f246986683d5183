// SPDX-License-Identifier: Apache-2.0
#include "finetune/commands/model_source.hpp"

#include <iostream>

#include "finetune/model/folder.hpp"

namespace finetune {

void add_model_options(CLI::App& command, ModelSource& source) {
  CLI::Option_group* const group = command.add_option_group("Model", "one of");
  group->add_option("--model", source.model, "a Hugging Face folder")->check(CLI::ExistingDirectory);
  group->add_option("--run", source.run, "the folder of a run of train")->check(CLI::ExistingDirectory);
  group->require_option(1);
  command.add_option("--checkpoint", source.checkpoint, "of a run: the state with the best score, or the last one")
      ->check(CLI::IsMember({"best", "last"}));
}

OpenedModel open_model(const ModelSource& source, bool with_tokenizer) {
  OpenedModel opened;
  if (!source.run.empty()) {
    TrainedRun run = load_run(source.run, source.checkpoint == "last" ? Checkpoint::last : Checkpoint::best);
    opened.model = std::move(run.model);
    opened.settings = std::move(run.settings);
    opened.tokenizer = std::move(run.tokenizer);
    return opened;
  }
  LoadedModel loaded = load_model(source.model, {.train_embeddings = false, .together = true}, make_dense_body);
  for (const std::string& name : loaded.made_new)
    std::cerr << "warning: " << source.model.string() << " has no tensor " << name << ", it is random\n";
  opened.model = std::move(loaded.model);
  if (with_tokenizer) opened.tokenizer = load_tokenizer(source.model);
  return opened;
}

}  // namespace finetune
