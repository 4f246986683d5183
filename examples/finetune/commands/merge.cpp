// SPDX-License-Identifier: Apache-2.0
#include <pst/core/error.hpp>

#include <iomanip>
#include <iostream>
#include <memory>

#include "finetune/commands/command.hpp"
#include "finetune/commands/export.hpp"
#include "finetune/export/base_folder.hpp"
#include "finetune/export/dense_folder.hpp"
#include "finetune/export/fold_branches.hpp"
#include "finetune/export/output_folder.hpp"
#include "finetune/export/peft.hpp"
#include "finetune/export/rounding.hpp"
#include "finetune/export/task_file.hpp"

namespace finetune {

namespace {

namespace fs = std::filesystem;

struct MergeOptions {
  fs::path task_file, peft, base, folder;
  std::string type = "f32";
  bool overwrite = false;
};

double percent(index_t part, index_t whole) {
  return whole > 0 ? 100.0 * static_cast<double>(part) / static_cast<double>(whole) : 0.0;
}

int merge(const MergeOptions& options) {
  const fs::path& source = options.peft.empty() ? options.task_file : options.peft;
  check_targets({&options.folder, 1}, source, options.base);
  const ExportOptions whole{
      .type = element_type_called(options.type), .overwrite = options.overwrite, .base = options.base};
  const auto applied = options.peft.empty() ? apply_task_file(source, options.base) : apply_peft(source, options.base);
  const auto model = without_branches(*applied);
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
  group->add_option("--task-file", options->task_file, "a file that export --to-task-file wrote")
      ->check(CLI::ExistingFile);
  group->add_option("--peft", options->peft, "a folder with a LoRA or (IA)3 adapter of PEFT")
      ->check(CLI::ExistingDirectory);
  group->require_option(1);
  command->add_option("--base", options->base, "the Hugging Face folder that the task was trained from")
      ->required()
      ->check(CLI::ExistingDirectory);
  command->add_option("--to-folder", options->folder, "a Hugging Face folder to write")->required();
  command->add_option("--type", options->type, "numbers of the folder")->check(CLI::IsMember({"f32", "f16", "bf16"}));
  command->add_flag("--overwrite", options->overwrite, "replace a folder with nothing but the files of a model");
  return [options] { return merge(*options); };
}

}  // namespace finetune
