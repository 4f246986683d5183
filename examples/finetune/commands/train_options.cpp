// SPDX-License-Identifier: Apache-2.0
#include "finetune/commands/train_options.hpp"

#include <pst/core/error.hpp>

#include <string>

#include "finetune/methods/methods.hpp"
#include "finetune/model/config.hpp"
#include "finetune/tasks/task.hpp"

namespace finetune {

namespace {

std::string named(const auto& list) {
  std::string names;
  for (const auto& each : list) names.append(names.empty() ? "" : ", ").append(each.name);
  return names;
}

std::string method_help() {
  std::string text = "how linear layers train:";
  for (const MethodInfo& info : methods())
    text.append("\n").append(info.name).append(": ").append(info.description).append("; trains ").append(info.trains);
  return text + "\n";
}

void add_run_options(CLI::App& command, TrainOptions& options) {
  Settings& settings = options.settings;
  command.add_option("--model", settings.model, "a Hugging Face folder")->required()->check(CLI::ExistingDirectory);
  command.add_option("--task", settings.task, "one of " + named(tasks()))->required();
  command.add_option("--data", settings.data, "the folder of the task's files")->required()->check(CLI::ExistingPath);
  command.add_option("--out", options.out, "folder of the run; a run that is there with the same settings goes on");
  command.add_flag("--dry-run", options.dry_run, "say what memory and time it takes, after a few steps, and stop");
  command.add_option("--recipe", options.recipe, "paper: its values where no option is given")
      ->check(CLI::IsMember({"paper"}));
  command.add_option("--seed", settings.seed, "of factors, a new head, the order of the data, and dropout");
  command.add_option("--threads", settings.threads, "0: all cores; results are the same for any number");
  command.add_option("--log-every", options.watch.log_every, "steps between two lines of metrics.jsonl")
      ->check(CLI::Range(1, 1000000000));
  command
      .add_option("--save-every", options.watch.save_every,
                  "steps between two saves; 0: before evaluations and every ten minutes")
      ->check(CLI::NonNegativeNumber);
}

void add_method_options(CLI::App& command, Settings& settings) {
  MethodSettings& method = settings.method;
  command.add_option("--method", method.name, method_help());
  command.add_option("--sparsity", method.sparsity, "fraction of zeros to reach in the linear layers");
  command.add_option("--schedule", method.schedule, "of the sparsity: cubic, linear or constant");
  command.add_option("--warmup", method.warmup, "fraction of the run before weights are pruned");
  command.add_option("--cooldown", method.cooldown, "fraction of the run at the last sparsity");
  command.add_option("--delta-rank", method.delta_rank, "rank of U V");
  command.add_option("--score-rank", method.score_rank, "rank of A B");
  command.add_option("--beta", method.beta, "scale of U V");
  command.add_option("--alpha1", method.alpha1, "scale of A B");
  command.add_option("--alpha2", method.alpha2, "scale of R + C");
  command.add_option("--scores", method.scores, "how scores learn: every, every-K, sample-K (one token in K), rest-P");
  command.add_option("--refresh", method.refresh, "when masks move: every, every-K, until-P");
  command.add_option("--straight-through", method.straight_through,
                     "what weights learn through the mask: reference, masked or dense");
  command.add_option("--penalty", method.penalty, "of soft movement; 0: one that goes with the sparsity");
  command.add_flag("--new-head", settings.new_head, "a task head in the folder is not read");
  command.add_flag("--fused", settings.together, "GPT-2's query, key and value are ranked together");
  command.add_flag("--train-embeddings", settings.train_embeddings, "tables of words, positions and types train too");
  command.add_flag("--reference", settings.reference,
                   "nothing trains but factors and scores, as in the authors' code: no head, bias or norm");
}

void add_training_options(CLI::App& command, Settings& settings) {
  command.add_option("--rate", settings.rate, "learning rate; default: the method's");
  command.add_option("--score-rate", settings.score_rate, "times --rate, for scores; default: the method's");
  command.add_option("--head-rate", settings.head_rate, "times --rate, for pooler and head");
  command.add_option("--rate-schedule", settings.rate_schedule, "linear (falls to 0) or constant");
  command.add_option("--rate-warmup", settings.rate_warmup, "fraction of the run in which the rate rises");
  command.add_option("--rate-warmup-steps", settings.warmup_steps, "the same in steps");
  command.add_option("--epsilon", settings.epsilon, "of AdamW");
  command.add_option("--weight-decay", settings.weight_decay, "biases and norms have none");
  command.add_option("--smoothing", settings.smoothing, "of labels");
  command.add_option("--batch", settings.batch, "sequences of a batch");
  command.add_option("--accumulation", settings.accumulation, "batches of a step");
  command.add_option("--epochs", settings.epochs, "passes through the data, may be a fraction");
  command.add_option("--steps", settings.steps, "instead of --epochs, if not 0");
  command.add_option("--max-length", settings.max_length, "tokens to which sequences are cut");
  command.add_option("--train-limit", settings.train_limit, "so many training sequences, evenly spread; 0: all");
  command.add_option("--dev-limit", settings.dev_limit, "the same for dev data");
  command.add_option("--evaluate-every", settings.evaluate_every, "steps between evaluations; 0: after each epoch");
  command.add_option("--patience", settings.patience, "evaluations without a better score before it stops; 0: never");
}

}  // namespace

std::function<void()> add_options(CLI::App& command, TrainOptions& options) {
  command.option_defaults()->always_capture_default()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  add_run_options(command, options);
  add_method_options(command, options.settings);
  add_training_options(command, options.settings);
  return [&command, &options] {
    Settings& settings = options.settings;
    const auto given = [&](const char* option) { return command.count(option) > 0; };
    pst::require(options.dry_run || !options.out.empty(), "--out is missing: give the folder of the run, or --dry-run");
    const MethodInfo& method = method_named(settings.method.name);
    if (!given("--rate")) settings.rate = method.rate;
    if (!given("--score-rate")) settings.score_rate = method.score_rate;
    if (options.recipe == "paper")
      apply_recipe(settings, read_config(settings.model).architecture == Architecture::roberta, given);
    // The folder is read again later, from wherever that is.
    settings.model = std::filesystem::weakly_canonical(settings.model);
    settings.data = std::filesystem::weakly_canonical(settings.data);
  };
}

void apply_recipe(Settings& settings, bool is_roberta, const std::function<bool(const char* option)>& given) {
  const Task& task = find_task(settings.task);
  const bool generates = task.kind == TaskKind::generation || task.kind == TaskKind::text;
  const bool is_small = task.name == "cola" || task.name == "rte" || task.name == "mrpc" || task.name == "stsb";
  const auto set = [&](const char* option, auto& field, auto value) {
    if (!given(option)) field = value;
  };
  set("--rate-schedule", settings.rate_schedule, "linear");
  set("--epsilon", settings.epsilon, 1e-6);
  set("--weight-decay", settings.weight_decay, 0.0);
  set("--score-rate", settings.score_rate, 1.0);
  set("--head-rate", settings.head_rate, 1.0);
  set("--seed", settings.seed, 43U);
  set("--max-length", settings.max_length, generates ? 512 : 128);
  set("--rate", settings.rate, generates ? 1e-4 : 5e-4);
  set("--epochs", settings.epochs, generates ? 5.0 : is_small ? 40.0 : 20.0);
  set("--batch", settings.batch, generates ? 8 : is_roberta ? 16 : 32);
  set("--smoothing", settings.smoothing, generates ? 0.1 : 0.0);
  if (!given("--rate-warmup")) set("--rate-warmup-steps", settings.warmup_steps, generates ? 500 : 0);
}

}  // namespace finetune
