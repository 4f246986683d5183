// SPDX-License-Identifier: Apache-2.0
#include "finetune/train/recipe.hpp"

#include "finetune/tasks/task.hpp"

namespace finetune {

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
