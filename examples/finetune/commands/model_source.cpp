// SPDX-License-Identifier: Apache-2.0
#include "finetune/commands/model_source.hpp"

#include "finetune/commands/command_line.hpp"
#include "finetune/export/adapters_folder.hpp"
#include "finetune/export/archive.hpp"
#include "finetune/export/peft.hpp"
#include "finetune/export/task_file.hpp"
#include "finetune/model/folder.hpp"

namespace finetune {

void add_model_options(CLI::App& command, ModelSource& source, std::vector<std::string>* task_files) {
  CLI::Option_group* const group = command.add_option_group("Model", "one of");
  CLI::Option* const model = group->add_option("--model", source.model, "a Hugging Face folder");
  model->check(CLI::ExistingDirectory);
  CLI::Option* const run = group->add_option("--run", source.run, "the folder of a run of train");
  run->check(CLI::ExistingDirectory);
  CLI::Option* const archive = group->add_option("--archive", source.archive, "a sparse archive that export wrote");
  archive->check(CLI::ExistingDirectory);
  CLI::Option* const file =
      task_files == nullptr
          ? group->add_option("--task-file", source.task_file, "a task file that export wrote")
          : add_repeated(*group, "--task-file", *task_files, "a task file that export wrote; may stand several times");
  file->check(CLI::ExistingFile);
  CLI::Option* const peft = group->add_option("--peft", source.peft, "a folder with an adapter of PEFT");
  peft->check(CLI::ExistingDirectory);
  CLI::Option* const adapters = group->add_option(
      "--adapters", source.adapters, "a folder with a bottleneck of the library adapters, saved with use_safetensors");
  adapters->check(CLI::ExistingDirectory);
  group->require_option(1);
  CLI::Option* const base = command.add_option(
      "--base", source.base, "the Hugging Face folder of a task file or adapter, or of a run whose model has moved");
  base->check(CLI::ExistingDirectory)->excludes(model)->excludes(archive);
  file->needs(base);
  peft->needs(base);
  adapters->needs(base);
  command.add_option("--checkpoint", source.checkpoint, "of a run: the state with the best score, or the last one")
      ->check(CLI::IsMember({"best", "last"}))
      ->needs(run);
}

OpenedModel open_model(const ModelSource& source, bool with_tokenizer) {
  OpenedModel opened;
  if (!source.run.empty()) {
    TrainedRun run =
        load_run(source.run, source.checkpoint == "last" ? Checkpoint::last : Checkpoint::best, source.base);
    opened.model = std::move(run.model);
    opened.folder = run.settings.model;
    opened.settings = std::move(run.settings);
    opened.tokenizer = std::move(run.tokenizer);
    return opened;
  }
  const bool has_base = !source.task_file.empty() || !source.peft.empty() || !source.adapters.empty();
  opened.folder = !source.archive.empty() ? source.archive : has_base ? source.base : source.model;
  if (!source.archive.empty()) {
    opened.model = load_archive(source.archive);
  } else if (!source.task_file.empty()) {
    opened.model = apply_task_file(source.task_file, source.base);
  } else if (!source.peft.empty()) {
    opened.model = apply_peft(source.peft, source.base);
  } else if (!source.adapters.empty()) {
    opened.model = apply_adapters(source.adapters, source.base);
  } else {
    LoadedModel loaded =
        load_model(opened.folder, {.train_embeddings = false, .together = true}, transformer::dense_layers<float>());
    loaded.model->refresh(1.0);
    opened.model = std::move(loaded.model);
    opened.made_new = std::move(loaded.made_new);
  }
  if (with_tokenizer) opened.tokenizer = load_tokenizer(opened.folder);
  return opened;
}

}  // namespace finetune
