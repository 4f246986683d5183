// SPDX-License-Identifier: Apache-2.0
#include "finetune/train/recipe.hpp"

#include <algorithm>

#include "finetune/methods/adapters.hpp"
#include "finetune/methods/methods.hpp"
#include "finetune/tasks/task.hpp"

namespace finetune {

namespace {

/// Sets what the command line does not.
class Defaults {
 public:
  explicit Defaults(const std::function<bool(const char* option)>& given) : given_{given} {}
  void operator()(const char* option, auto& field, auto value) const {
    if (!given_(option)) field = value;
  }

 private:
  const std::function<bool(const char* option)>& given_;
};

/// How a run goes: shares of its steps, and rates.
struct Course {
  double warmup, cooldown, rate, score_rate, head_rate, token_rate, rate_warmup, epochs;
};
void set_course(Settings& settings, const std::function<bool(const char* option)>& given, const Course& course) {
  const Defaults set{given};
  set("--warmup", settings.method.warmup, course.warmup);
  set("--cooldown", settings.method.cooldown, course.cooldown);
  set("--rate", settings.rate, course.rate);
  set("--score-rate", settings.score_rate, course.score_rate);
  set("--head-rate", settings.head_rate, course.head_rate);
  set("--token-rate", settings.token_rate, course.token_rate);
  if (!given("--rate-warmup-steps")) set("--rate-warmup", settings.rate_warmup, course.rate_warmup);
  set("--epochs", settings.epochs, course.epochs);
}

/// What virtual tokens train with, whatever method they stand beside; 0 where there are none.
double rate_of_tokens(const MethodSettings& settings) {
  constexpr double direct = 1e-2, from_mlp = 1e-3;
  if (!has_virtual_tokens(settings)) return 0;
  return settings.reparameterisation == "mlp" ? from_mlp : direct;
}
/// Whether the method is about virtual tokens, so that its rate is theirs.
bool is_about_tokens(const MethodSettings& settings) {
  return has_virtual_tokens(settings) && has_virtual_tokens({.name = settings.name});
}
double rate_of(const MethodSettings& settings, double of_method) {
  return is_about_tokens(settings) ? rate_of_tokens(settings) : of_method;
}
double head_rate_of(const MethodSettings& settings, double of_method) {
  constexpr double head = 1e-3;
  return is_about_tokens(settings) ? head / rate_of_tokens(settings) : of_method;
}
double token_rate_of(const MethodSettings& settings, double of_method) {
  return has_virtual_tokens(settings) && !is_about_tokens(settings) ? rate_of_tokens(settings) / of_method : 1.0;
}

/// The share of a run at the last sparsity: half of it, or less where the warm-up that is asked for leaves less.
double usual_cooldown(double warmup) {
  constexpr double share_of_what_is_left = 0.6;
  return std::clamp(share_of_what_is_left * (1 - warmup), 0.0, 0.5);
}

}  // namespace

void as_usual(Settings& settings, const std::function<bool(const char* option)>& given) {
  const MethodInfo& method = method_named(settings.method.name);
  constexpr double warmup = 0.15;
  set_course(settings, given,
             {.warmup = warmup,
              .cooldown = usual_cooldown(given("--warmup") ? settings.method.warmup : warmup),
              .rate = rate_of(settings.method, method.rate),
              .score_rate = method.score_rate,
              .head_rate = head_rate_of(settings.method, method.head_rate),
              .token_rate = token_rate_of(settings.method, method.rate),
              .rate_warmup = 0.06,
              .epochs = 0.0});
}

void as_published(Settings& settings, const std::function<bool(const char* option)>& given) {
  const Defaults set{given};
  const MethodInfo& method = method_named(settings.method.name);
  set("--delta-start", settings.method.delta_start, "normal");
  set("--score-factor-start", settings.method.score_factor_start, "normal");
  set("--weighted-by", settings.method.weighted_by, "nothing");
  set("--rest", settings.method.rest, "delta");
  set_course(settings, given,
             {.warmup = 0.1,
              .cooldown = 0.3,
              .rate = rate_of(settings.method, method.published_rate),
              .score_rate = method.published_score_rate,
              .head_rate = head_rate_of(settings.method, method.published_head_rate),
              .token_rate = token_rate_of(settings.method, method.published_rate),
              .rate_warmup = 0.0,
              .epochs = 3.0});
}

void apply_recipe(Settings& settings, bool is_roberta, const std::function<bool(const char* option)>& given) {
  const Task& task = find_task(settings.task);
  const bool generates = task.kind == TaskKind::generation || task.kind == TaskKind::text;
  const bool is_small = task.name == "cola" || task.name == "rte" || task.name == "mrpc" || task.name == "stsb";
  const Defaults set{given};
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
