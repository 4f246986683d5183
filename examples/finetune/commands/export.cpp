// SPDX-License-Identifier: Apache-2.0
#include "finetune/commands/export.hpp"

#include <pst/core/error.hpp>

#include <iomanip>
#include <iostream>
#include <memory>

#include "finetune/commands/command.hpp"
#include "finetune/export/adapters_folder.hpp"
#include "finetune/export/archive.hpp"
#include "finetune/export/fold_branches.hpp"
#include "finetune/export/ia3.hpp"
#include "finetune/export/lora.hpp"
#include "finetune/export/output_folder.hpp"
#include "finetune/export/prompt.hpp"
#include "finetune/export/task_file.hpp"
#include "finetune/methods/methods.hpp"
#include "finetune/run/trained_run.hpp"

namespace finetune {

namespace fs = std::filesystem;

namespace {

/// Sentences of the run's dev data, or random tokens where the data is not there any more.
std::vector<Sequence> find_probes(const TrainedRun& run, std::size_t count) {
  const ModelConfig& config = run.model->config();
  try {
    const Task& task = find_task(run.settings.task);
    const auto files = load_task(task, run.settings.data, TaskPart::dev);
    std::vector<Sequence> probes = encode(task, files.front(), run.tokenizer, config, run.settings.max_length);
    probes.resize(std::min(probes.size(), count));
    return probes;
  } catch (const pst::Error& error) {
    std::cerr << "answers are compared on random tokens: " << error.what() << '\n';
    return random_probes(config, count);
  }
}

/// What was written and what was found when it was read again.
void print(const char* what, const fs::path& path, const ExportReport& report, bool layers) {
  std::cout << what << ' ' << path.string() << ": " << std::fixed << std::setprecision(3)
            << static_cast<double>(report.bytes) / 1e6 << " MB, " << std::setprecision(1)
            << 100.0 * static_cast<double>(report.bytes) / static_cast<double>(report.dense_bytes)
            << " % of the dense model's " << static_cast<double>(report.dense_bytes) / 1e6 << " MB\n";
  if (const LayerZeros total = report.total(); total.size > 0)
    std::cout << "  zeros: " << total.zeros << " of " << total.size << " weights of linear layers, "
              << std::setprecision(2) << 100.0 * static_cast<double>(total.zeros) / static_cast<double>(total.size)
              << " %\n";
  if (layers)
    for (const LayerZeros& layer : report.layers)
      std::cout << "    " << layer.name << ": " << layer.zeros << " of " << layer.size << '\n';
  std::cout << std::defaultfloat << std::setprecision(2) << "  read again: every number as written; logits at most "
            << report.difference.logits << " apart, relative to the largest, and " << report.difference.changed
            << " other predictions in " << report.difference.sequences << " sentences\n";
}

/// Before the run is read, which takes a while.
void check_places(const ExportCommand& options) {
  std::vector<fs::path> targets{options.folder, options.archive, options.task_file, options.lora,
                                options.ia3,    options.prompt,  options.adapters};
  std::erase(targets, fs::path{});
  pst::require(!targets.empty(),
               "nothing to write: give --to-folder, --to-archive, --to-task-file, --to-lora, --to-ia3, --to-prompt or "
               "--to-adapters");
  pst::require(options.type == "f32" || !options.folder.empty() || !options.archive.empty(), "--type is ", options.type,
               ", but task files and adapters are written in f32: leave it out, or give --to-folder or --to-archive");
  check_targets(targets, options.run, options.base.empty() ? read_settings(options.run).model : options.base);
}

}  // namespace

pst::io::ElementType element_type_called(const std::string& name) {
  if (name == "f16") return pst::io::ElementType::f16;
  return name == "bf16" ? pst::io::ElementType::bf16 : pst::io::ElementType::f32;
}

void export_run(const ExportCommand& options) {
  check_places(options);
  use_threads(options.threads);
  const TrainedRun run =
      load_run(options.run, options.checkpoint == "best" ? Checkpoint::best : Checkpoint::last, options.base);
  const auto probes = find_probes(run, options.probes);
  const fs::path& base = run.settings.model;
  const double scale = run.settings.method.beta;
  const ExportOptions whole{.type = element_type_called(options.type), .overwrite = options.overwrite, .base = base};
  Model& model = *run.model;
  const bool folds =
      (!model.branches().empty() || model.virtual_tokens()) && !(options.folder.empty() && options.archive.empty());
  const std::unique_ptr<Model> without = folds ? without_branches(model) : nullptr;
  Model& plain = folds ? *without : model;
  if (!options.folder.empty())
    print("folder", options.folder, export_folder(plain, options.folder, whole, probes), options.layers);
  if (!options.archive.empty())
    print("archive", options.archive, export_archive(plain, options.archive, whole, probes), options.layers);
  if (!options.task_file.empty()) {
    const TaskFileOptions own{.base = base,
                              .scale = scale,
                              .scores = options.scores,
                              .settings = settings_text(run.settings),
                              .overwrite = options.overwrite};
    print("task file", options.task_file, export_task_file(model, options.task_file, own, probes), options.layers);
  }
  if (!options.lora.empty()) {
    if (method_named(run.settings.method.name).is_sparse || run.settings.method.keep_mask)
      std::cerr << "warning: " << lora_warning << '\n';
    const LoraOptions own{.base = base, .scale = scale, .overwrite = options.overwrite};
    print("adapter", options.lora, export_lora(model, options.lora, own, probes), false);
  }
  if (!options.ia3.empty())
    print("adapter", options.ia3,
          export_ia3(model, options.ia3, {.base = base, .overwrite = options.overwrite}, probes), false);
  if (!options.prompt.empty())
    print("adapter", options.prompt,
          export_prompt(model, options.prompt, {.base = base, .overwrite = options.overwrite}, probes), false);
  if (!options.adapters.empty())
    print("adapter", options.adapters,
          export_adapters(model, options.adapters, {.base = base, .overwrite = options.overwrite}, probes), false);
}

Run add_export(CLI::App& program) {
  CLI::App* const command = program.add_subcommand(
      "export", "Write the model of a run for others to use; everything is read again and checked before it is there.");
  command->option_defaults()->always_capture_default();
  const auto options = std::make_shared<ExportCommand>();
  command->add_option("--run", options->run, "the folder of a run of train")->required()->check(CLI::ExistingDirectory);
  command->add_option("--base", options->base, "the folder that the run began from, where it has moved")
      ->check(CLI::ExistingDirectory);
  command->add_option("--checkpoint", options->checkpoint, "which state of it")->check(CLI::IsMember({"best", "last"}));
  command->add_option("--to-folder", options->folder, "a Hugging Face folder with exact zeros, for transformers");
  command->add_option("--to-archive", options->archive, "a folder with compressed weights, for eval --archive");
  CLI::Option* const task_file =
      command->add_option("--to-task-file", options->task_file,
                          "one file with what the task has of its own, for eval --task-file with the base folder");
  command->add_option("--to-lora", options->lora, "a LoRA adapter for PEFT: the dense part of the model alone");
  command->add_option("--to-ia3", options->ia3, "an (IA)3 adapter for PEFT");
  command->add_option("--to-prompt", options->prompt, "a prefix or prompt for PEFT");
  command->add_option("--to-adapters", options->adapters, "a bottleneck for the library adapters");
  command->add_option("--type", options->type, "numbers of a folder or archive")
      ->check(CLI::IsMember({"f32", "f16", "bf16"}));
  command->add_flag("--with-scores", options->scores, "importance scores go into the task file, to go on training")
      ->needs(task_file);
  command->add_flag("--layers", options->layers, "show the zeros of every layer");
  command->add_flag("--overwrite", options->overwrite,
                    "replace what is there: a task file, or a folder with nothing but the files of a model");
  command->add_option("--probes", options->probes, "sentences on which answers are compared")
      ->check(CLI::Range(1, 100000));
  command->add_option("--threads", options->threads, "0: all cores");
  return [options] {
    export_run(*options);
    return 0;
  };
}

}  // namespace finetune
