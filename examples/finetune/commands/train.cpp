// SPDX-License-Identifier: Apache-2.0
#include <pst/core/error.hpp>

#include <iostream>
#include <memory>
#include <optional>
#include <string_view>

#include "finetune/commands/command.hpp"
#include "finetune/commands/export.hpp"
#include "finetune/commands/train_options.hpp"
#include "finetune/export/output_folder.hpp"
#include "finetune/methods/adapters.hpp"
#include "finetune/search/search.hpp"
#include "finetune/search/search_report.hpp"
#include "finetune/train/estimate.hpp"
#include "finetune/train/report.hpp"
#include "finetune/train/train_run.hpp"

namespace finetune {

namespace {

/// Before the run, which takes hours.
void check_place(const TrainOptions& options) {
  if (options.to_folder.empty() || options.dry_run) return;
  for (const std::string_view adapter : adapters_of(options.settings.method))
    pst::require(adapter == "ia3", "--to-folder is given, but the adapter ", adapter,
                 " stands beside the weights, and no folder holds it: leave it out, and write a task file by "
                 "`pst-finetune export --to-task-file`");
  check_targets({&options.to_folder, 1}, options.out, options.settings.model);
  pst::require(!std::filesystem::exists(options.to_folder), options.to_folder.string(),
               ": exists and is not overwritten: choose another folder, or export the run by `pst-finetune export`");
  static_cast<void>(OutputFolder{options.to_folder, false});
}

SearchPlan plan_of(const TrainOptions& options) {
  return {.settings = options.settings,
          .sparsities = options.sparsities,
          .lose_at_most = options.lose_at_most,
          .out = options.out,
          .dense_rate = options.dense_rate,
          .dense = options.dense_result,
          .watch = options.watch};
}

int dry_run(const TrainOptions& options) {
  const Settings& settings = options.settings;
  check(settings);
  if (!options.sparsities.empty()) check(plan_of(options));
  BaseModel base = load_base(settings);
  const TrainingData data = load_training_data(settings, base);
  print_opening(std::cerr, settings, base, data);
  print_estimate(std::cout, settings, base, data);
  if (!options.sparsities.empty())
    std::cout << "search   that long for each of " << options.sparsities.size()
              << " sparsities, and for a dense model\n";
  return 0;
}

/// The run, and its best state as a folder where that is asked for, whatever it is worth.
int train(const TrainOptions& options) {
  std::optional<double> dense;
  if (!options.dense_result.empty()) dense = read_best_score(options.dense_result, options.settings.task);
  const RunOutcome outcome = train_run(options.settings, options.out, options.watch, dense);
  if (!options.to_folder.empty())
    export_run({.run = options.out, .folder = options.to_folder, .threads = options.settings.threads});
  return outcome.verdict.learnt ? 0 : learnt_nothing_code;
}

/// The search, and the model that it chose as a folder where that is asked for.
int search_sparsest(const TrainOptions& options) {
  const SearchResult result = search(plan_of(options));
  print_search(std::cout, result);
  if (result.chosen && !options.to_folder.empty())
    export_run({.run = result.candidates[*result.chosen].run,
                .folder = options.to_folder,
                .threads = options.settings.threads});
  std::cerr << "in " << options.out.string() << ": a folder for each run, search.json, search.svg\n"
            << "verdict: " << result.verdict << '\n';
  return result.chosen ? 0 : learnt_nothing_code;
}

int run_train(const TrainOptions& options) {
  check_place(options);
  if (options.dry_run) return dry_run(options);
  try {
    return options.sparsities.empty() ? train(options) : search_sparsest(options);
  } catch (const Interrupted& interrupted) {
    std::cerr << "interrupted: the same command goes on from the last state in " << options.out.string() << '\n';
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
    return run_train(*options);
  };
}

}  // namespace finetune
