// SPDX-License-Identifier: Apache-2.0
#include "finetune/train/verdict.hpp"

#include <pst/core/error.hpp>
#include <pst/io/strict_json.hpp>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "common/files.hpp"
#include "finetune/methods/methods.hpp"
#include "finetune/train/training_step.hpp"

namespace finetune {

namespace {

constexpr double enough_steps = 3000;     // of a run to 90 % on a small task
constexpr std::int64_t few_steps = 1000;  // in fewer a rate is sooner too low than too high
constexpr std::size_t most_result_bytes = std::size_t{1} << 20;

std::string text_of(double number) {
  std::ostringstream text;
  text.precision(3);
  text << number;
  return text.str();
}

/// The option for a run of three times the steps, and of no fewer than a small task needs.
std::string longer(const Settings& settings, std::int64_t steps) {
  const double factor = std::max(3.0, enough_steps / static_cast<double>(std::max<std::int64_t>(steps, 1)));
  if (settings.steps == 0 && settings.epochs > 0) return "--epochs " + text_of(std::ceil(factor * settings.epochs));
  return "--steps " + std::to_string(std::llround(std::ceil(factor * static_cast<double>(steps))));
}

/// The rate of the method, or where the run has had that a third, in a short run three times as much.
double other_rate(const Settings& settings, std::int64_t steps) {
  const double usual = method_named(settings.method.name).rate;
  if (steps < few_steps && settings.rate < 2 * usual) return 3 * settings.rate;
  const bool is_usual = std::abs(settings.rate - usual) < 0.5 * usual;
  return is_usual ? settings.rate / 3 : usual;
}

std::string advice(const Settings& settings, const TrainResult& result, const Standing& standing) {
  const std::string of_dense_phase = dense_phase_advice(settings, result.steps);
  if (!prunes(settings.method)) return of_dense_phase;
  const double sparsity = settings.method.sparsity;
  const std::string lower = ", or --sparsity " + text_of(sparsity > 0.7 ? 0.5 : sparsity / 2);
  if (!result.before_pruning) return of_dense_phase + lower;
  Standing before = standing;
  before.score = result.before_pruning;
  if (!has_learnt(before)) return "the dense phase had not learnt the task either: " + of_dense_phase;
  return "the dense phase had learnt the task (" + text_of(*before.score) + "), and it was lost as weights went: try " +
         longer(settings, result.steps) + lower;
}

}  // namespace

std::string dense_phase_advice(const Settings& settings, std::int64_t steps) {
  const bool warms_up = settings.rate_warmup > 0 || settings.warmup_steps > 0;
  return "try --rate " + text_of(other_rate(settings, steps)) + (warms_up ? "" : " and --rate-warmup 0.06") +
         ", then " + longer(settings, steps);
}

Standing standing_of(const TrainResult& result, std::optional<double> dense) {
  return {.metric = result.metric,
          .score = result.best,
          .error = result.best_error,
          .baseline = result.baseline,
          .dense = dense};
}

Verdict verdict_on(const Settings& settings, const TrainResult& result, std::optional<double> dense) {
  const Standing standing = standing_of(result, dense);
  if (has_learnt(standing)) return {true, text_of(standing)};
  return {false, text_of(standing) + ": has learnt nothing; " + advice(settings, result, standing)};
}

double read_best_score(const std::filesystem::path& folder, const std::string& task) {
  const std::filesystem::path file = folder / "result.json";
  std::error_code ignored;
  pst::require(std::filesystem::is_regular_file(file, ignored), folder.string(),
               ": has no result.json, expected the folder of a run that has ended");
  const nlohmann::json json = pst::io::strict_json(common::read_file(file, most_result_bytes), file.string(), 4);
  pst::require(json.is_object() && json.contains("task") && json["task"] == task, file.string(),
               ": is not of a run of the task ", task, ": give one that is");
  pst::require(json.contains("best") && json["best"].is_number(), file.string(), ": has no best score");
  return json["best"].get<double>();
}

}  // namespace finetune
