// SPDX-License-Identifier: Apache-2.0
#include <pst/core/error.hpp>

#include <iostream>
#include <memory>
#include <optional>

#include "common/files.hpp"
#include "finetune/commands/command.hpp"
#include "finetune/commands/export.hpp"
#include "finetune/commands/train_options.hpp"
#include "finetune/export/output_folder.hpp"
#include "finetune/train/estimate.hpp"
#include "finetune/train/report.hpp"
#include "finetune/train/trainer.hpp"
#include "finetune/train/training_step.hpp"

namespace finetune {

namespace {

/// Before the run, which takes hours.
void check_place(const TrainOptions& options) {
  if (options.to_folder.empty() || options.dry_run) return;
  check_targets({&options.to_folder, 1}, options.out, options.settings.model);
  pst::require(!std::filesystem::exists(options.to_folder), options.to_folder.string(),
               ": exists and is not overwritten: choose another folder, or export the run by `pst-finetune export`");
  static_cast<void>(OutputFolder{options.to_folder, false});
}

int train(const TrainOptions& options) {
  const Settings& settings = options.settings;
  check(settings);
  // Before the model is read, which takes a while; nothing is made yet.
  std::optional<RunFolder> folder;
  if (!options.dry_run) folder.emplace(options.out, settings);
  BaseModel base = load_base(settings);
  const TrainingData data = load_training_data(settings, base);
  print_opening(std::cerr, settings, base, data);
  if (options.dry_run) {
    print_estimate(std::cout, settings, base, data);
    return 0;
  }
  const ParameterCounts counts = count_parameters(*base.loaded.model, settings);
  try {
    Trainer trainer{settings, base, data, *folder, options.watch};
    const TrainResult result = trainer.run();
    common::write_file(options.out / "result.json", result_text(settings, counts, result));
    print_table(std::cout, settings, counts, result);
    if (!result.stopped.empty()) std::cerr << result.stopped << '\n';
    if (has_diverged(result))
      std::cerr << "warning: the loss of training rose from " << *result.first_loss << " to " << *result.last_loss
                << ": try a smaller --rate\n";
    if (!is_sparse_enough(settings.method, result.sparsity))
      std::cerr << "warning: " << 100 * result.sparsity << " % of the weights are zero, where "
                << 100 * settings.method.sparsity << " % were asked for: train longer"
                << (settings.method.name == "soft-movement" ? ", or raise --penalty or --score-rate\n" : "\n");
    std::cerr << "in " << options.out.string()
              << ": best/, last/, metrics.jsonl, metrics.csv, curves.svg, result.json\n";
    return 0;
  } catch (const Interrupted& interrupted) {
    std::cerr << "interrupted: the same command goes on from " << (options.out / "last").string() << '\n';
    return interrupted.exit_code();
  }
}

}  // namespace

Run add_train(CLI::App& program) {
  CLI::App* const command = program.add_subcommand(
      "train", "Fine-tune a BERT, RoBERTa or GPT-2 folder on a task, dense weights in, sparse weights out.");
  const auto options = std::make_shared<TrainOptions>();
  const auto resolve = add_options(*command, *options);
  return [options, resolve] {
    resolve();
    check_place(*options);
    const int code = train(*options);
    if (code == 0 && !options->dry_run && !options->to_folder.empty())
      export_run({.run = options->out, .folder = options->to_folder, .threads = options->settings.threads});
    return code;
  };
}

}  // namespace finetune
