// SPDX-License-Identifier: Apache-2.0
#include "finetune/search/search.hpp"

#include <pst/core/error.hpp>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "common/files.hpp"
#include "finetune/methods/methods.hpp"
#include "finetune/run/trained_run.hpp"
#include "finetune/search/measure.hpp"
#include "finetune/search/search_report.hpp"
#include "finetune/train/train_run.hpp"
#include "finetune/train/training_step.hpp"

namespace finetune {

namespace fs = std::filesystem;

namespace {

fs::path report_file(const fs::path& out) { return out / "search.json"; }

bool is_empty_or_absent(const fs::path& folder) { return !fs::exists(folder) || fs::is_empty(folder); }

std::string percent_text(double sparsity) {
  std::ostringstream text;
  text << 100 * sparsity << " %";
  return text.str();
}

std::string points(double number) {
  std::ostringstream text;
  text.setf(std::ios::fixed);
  text.precision(1);
  text << number << (number == 1 ? " point" : " points");
  return text.str();
}

/// The data of all runs, as the tokenizer of one of them reads them.
TrainingData data_of(const Settings& settings, const fs::path& run) {
  const TrainedRun trained = load_run(run, Checkpoint::best, settings.model);
  return load_training_data(settings, trained.tokenizer, trained.model->config());
}

Settings at_sparsity(Settings settings, double sparsity) {
  settings.method.sparsity = sparsity;
  return settings;
}

/// Where none is good enough: the one that loses least, and what would lose less.
std::string no_choice(const SearchResult& result) {
  const Candidate& dense = result.candidates.front();
  if (!has_learnt(dense.standing)) return "the dense model has learnt nothing: " + text_of(dense.standing);
  const Candidate* best = nullptr;
  for (std::size_t i = 1; i < result.candidates.size(); ++i) {
    const Candidate& each = result.candidates[i];
    if (each.standing.score && (best == nullptr || *each.standing.score > *best->standing.score)) best = &each;
  }
  std::string text = "no sparsity that was tried stays within " + points(result.lose_at_most) + " of dense";
  if (best != nullptr)
    text += ": the nearest is " + percent_text(best->sparsity) + " with " + text_of(best->standing) + ", " +
            points(points_lost(dense, *best)) + " below";
  const double least = result.candidates.size() > 1 ? result.candidates[1].sparsity : 0.5;
  std::ostringstream advice;
  advice << "; try --sparsity " << least / 2 << ", more --epochs";
  if (best != nullptr && has_learnt(best->standing))
    advice << ", or --lose-at-most " << std::ceil(points_lost(dense, *best));
  return text + advice.str();
}

}  // namespace

double points_lost(const Candidate& dense, const Candidate& candidate) {
  if (!dense.standing.score || !candidate.standing.score) return std::nan("");
  return 100 * (*dense.standing.score - *candidate.standing.score);
}

void choose(SearchResult& result) {
  constexpr double rounding = 1e-9;
  const Candidate& dense = result.candidates.at(0);
  result.chosen.reset();
  for (std::size_t i = 1; i < result.candidates.size(); ++i)
    if (has_learnt(result.candidates[i].standing) &&
        points_lost(dense, result.candidates[i]) <= result.lose_at_most + rounding)
      result.chosen = i;
  if (!result.chosen) {
    result.verdict = no_choice(result);
    return;
  }
  const Candidate& best = result.candidates[*result.chosen];
  std::ostringstream text;
  text.precision(3);
  text << percent_text(best.sparsity) << " is the sparsest that was tried within " << points(result.lose_at_most)
       << " of dense: " << text_of(best.standing) << ", " << static_cast<double>(best.bytes) / 1e6 << " MB of "
       << static_cast<double>(dense.bytes) / 1e6 << ", " << best.milliseconds << " ms a sequence of "
       << dense.milliseconds;
  result.verdict = text.str();
}

Settings dense_settings(const SearchPlan& plan) {
  const MethodInfo& full = method_named("full");
  Settings dense = plan.settings;
  dense.method = {};
  dense.method.name = full.name;
  dense.rate = plan.dense_rate > 0 ? plan.dense_rate : full.rate;
  dense.score_rate = full.score_rate;
  dense.head_rate = full.head_rate;
  dense.reference = false;
  dense.teacher.clear();
  return dense;
}

fs::path run_folder(const fs::path& out, double sparsity) {
  std::ostringstream name;
  name << "sparsity-" << sparsity;
  return out / (sparsity > 0 ? name.str() : "dense");
}

void check(const SearchPlan& plan) {
  pst::require(!plan.sparsities.empty(), "there is no sparsity to try, expected some");
  for (const double sparsity : plan.sparsities) {
    pst::require(sparsity > 0, "a sparsity to try is ", sparsity,
                 ", expected numbers above 0: the dense model is trained in any case");
    check(at_sparsity(plan.settings, sparsity));
  }
  pst::require(prunes(at_sparsity(plan.settings, 0.5).method), "the method is ", plan.settings.method.name,
               ", which prunes no weight as it is set: choose another, as pst, without --keep-mask");
  pst::require(plan.lose_at_most >= 0 && plan.lose_at_most <= 100, "the points to lose are ", plan.lose_at_most,
               ", expected 0 to 100");
  check(dense_settings(plan));
  pst::require(is_empty_or_absent(plan.out) || fs::exists(report_file(plan.out)), plan.out.string(),
               ": holds other files than those of a search, nothing is written there: give a new folder with --out");
}

SearchResult search(const SearchPlan& plan) {
  check(plan);
  fs::create_directories(plan.out);
  SearchResult result;
  result.metric = main_metric(find_task(plan.settings.task));
  result.lose_at_most = plan.lose_at_most;
  if (!fs::exists(report_file(plan.out))) common::write_file(report_file(plan.out), search_text(result));
  const fs::path dense_run = plan.dense.empty() ? run_folder(plan.out, 0) : plan.dense;
  std::vector<double> sparsities = plan.sparsities;
  std::ranges::sort(sparsities);
  sparsities.erase(std::unique(sparsities.begin(), sparsities.end()), sparsities.end());

  double dense = 0;
  bool is_worth_it = true;
  if (plan.dense.empty()) {
    const RunOutcome outcome = train_run(dense_settings(plan), dense_run, plan.watch);
    is_worth_it = outcome.verdict.learnt;
    dense = outcome.result.best.value_or(0);
  } else {
    dense = read_best_score(plan.dense, plan.settings.task);
  }
  if (is_worth_it)
    for (const double sparsity : sparsities)
      static_cast<void>(
          train_run(at_sparsity(plan.settings, sparsity), run_folder(plan.out, sparsity), plan.watch, dense));

  // All are asked behind all training, one after the other, so that their times can be compared.
  const TrainingData data = data_of(plan.settings, dense_run);
  result.candidates.push_back(measure(dense_run, 0, plan.settings, data, std::nullopt));
  const std::optional<double> score = result.candidates.front().standing.score;
  if (is_worth_it)
    for (const double sparsity : sparsities)
      result.candidates.push_back(measure(run_folder(plan.out, sparsity), sparsity, plan.settings, data, score));
  choose(result);
  common::write_file(report_file(plan.out), search_text(result));
  common::write_file(plan.out / "search.svg",
                     draw_search(plan.settings.method.name + " on " + plan.settings.task, result));
  return result;
}

}  // namespace finetune
