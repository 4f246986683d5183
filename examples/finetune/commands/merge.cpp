// SPDX-License-Identifier: Apache-2.0
#include <pst/core/error.hpp>

#include <iomanip>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "finetune/commands/command.hpp"
#include "finetune/commands/command_line.hpp"
#include "finetune/commands/export.hpp"
#include "finetune/export/base_folder.hpp"
#include "finetune/export/dense_folder.hpp"
#include "finetune/export/fold_branches.hpp"
#include "finetune/export/output_folder.hpp"
#include "finetune/export/peft.hpp"
#include "finetune/export/rounding.hpp"
#include "finetune/export/task_file.hpp"
#include "finetune/export/weighted_sum.hpp"

namespace finetune {

namespace {

namespace fs = std::filesystem;

struct MergeOptions {
  std::vector<std::string> task_files;
  std::vector<double> weights;
  fs::path peft, base, folder;
  std::string type = "f32";
  bool overwrite = false;
};

double percent(index_t part, index_t whole) {
  return whole > 0 ? 100.0 * static_cast<double>(part) / static_cast<double>(whole) : 0.0;
}

/// One weight for each task file; one file alone is taken whole.
std::vector<WeightedTask> tasks_of(const MergeOptions& options) {
  pst::require(options.weights.size() == options.task_files.size() ||
                   (options.weights.empty() && options.task_files.size() == 1),
               "there are ", options.task_files.size(), " --task-file and ", options.weights.size(),
               " --weight, expected a weight for each, in their order");
  std::vector<WeightedTask> tasks;
  for (std::size_t i = 0; i < options.task_files.size(); ++i)
    tasks.push_back({options.task_files[i], options.weights.empty() ? 1.0 : options.weights[i]});
  return tasks;
}

/// The base with what is put into it.
std::unique_ptr<Model> merged(const MergeOptions& options) {
  if (!options.peft.empty()) return without_branches(*apply_peft(options.peft, options.base));
  if (options.weights.empty() && options.task_files.size() == 1)
    return without_branches(*apply_task_file(options.task_files.front(), options.base));
  return weighted_sum(tasks_of(options), options.base);
}

int merge(const MergeOptions& options) {
  for (const fs::path source : options.task_files) check_targets({&options.folder, 1}, source, options.base);
  if (!options.peft.empty()) check_targets({&options.folder, 1}, options.peft, options.base);
  const ExportOptions whole{
      .type = element_type_called(options.type), .overwrite = options.overwrite, .base = options.base};
  const auto model = merged(options);
  const SharedBase base = load_shared_base(options.base, model->config().labels, model->encoder().config.together);
  LayerZeros before;
  for (const LayerZeros& layer : count_zeros(*base.model)) before.zeros += layer.zeros;
  const auto probes = random_probes(model->config(), 32);
  const LayerZeros after = export_folder(*model, options.folder, whole, probes).total();
  const RoundingLoss loss = rounding_loss(*model, *base.model, whole.type);
  std::cout << "merged into " << options.folder.string() << ", read again and checked\n  zeros: " << before.zeros
            << " of " << after.size << " weights of linear layers before, " << after.zeros
            << " after\n  changed: " << loss.changed << " weights, " << std::fixed << std::setprecision(2)
            << percent(loss.changed, after.size) << " %; rounding to " << options.type << " lost the change of "
            << loss.lost << " of them, " << percent(loss.lost, loss.changed) << " %\n";
  return 0;
}

}  // namespace

Run add_merge(CLI::App& program) {
  CLI::App* const command =
      program.add_subcommand("merge", "Put a task file, or an adapter of PEFT, into its base: a folder of its own.");
  command->option_defaults()->always_capture_default();
  const auto options = std::make_shared<MergeOptions>();
  CLI::Option_group* const group = command->add_option_group("Task", "one of");
  CLI::Option* const files = add_repeated(*group, "--task-file", options->task_files,
                                          "a file that export --to-task-file wrote; several are added up");
  files->check(CLI::ExistingFile);
  group->add_option("--peft", options->peft, "a folder with a LoRA or (IA)3 adapter of PEFT")
      ->check(CLI::ExistingDirectory);
  group->require_option(1);
  command
      ->add_option("--weight", options->weights,
                   "of a task file, in their order: the base becomes W0 + sum of weight (W - W0); may be negative")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->needs(files);
  command->add_option("--base", options->base, "the Hugging Face folder that the task was trained from")
      ->required()
      ->check(CLI::ExistingDirectory);
  command->add_option("--to-folder", options->folder, "a Hugging Face folder to write")->required();
  command->add_option("--type", options->type, "numbers of the folder")->check(CLI::IsMember({"f32", "f16", "bf16"}));
  command->add_flag("--overwrite", options->overwrite, "replace a folder with nothing but the files of a model");
  return [options] { return merge(*options); };
}

}  // namespace finetune
