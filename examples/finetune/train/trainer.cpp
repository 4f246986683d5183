// SPDX-License-Identifier: Apache-2.0
#include "finetune/train/trainer.hpp"

#include <pst/core/error.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <utility>

#include "common/files.hpp"
#include "finetune/evaluate/shown_metric.hpp"
#include "finetune/methods/methods.hpp"
#include "finetune/train/curves.hpp"
#include "finetune/train/verdict.hpp"

namespace finetune {

namespace {

constexpr double seconds_between_saves = 600;

template <class... Numbers>
std::string text(const char* format, Numbers... numbers) {
  std::array<char, 240> made{};
  std::snprintf(made.data(), made.size(), format, numbers...);
  return made.data();
}

double main_score(const Record& record, const std::string& metric) {
  return metric == negative_loss || record.scores.empty() ? -*record.dev_loss : record.scores.front().value;
}

void take_better(std::optional<double>& best, double score) {
  if (!std::isnan(score) && (!best || score > *best)) best = score;
}

/// The mean loss of some steps.
class MeanLoss {
 public:
  void add(double loss, double steps) {
    sum_ += loss * steps;
    steps_ += steps;
  }
  [[nodiscard]] std::optional<double> value() const { return steps_ > 0 ? std::optional{sum_ / steps_} : std::nullopt; }

 private:
  double sum_ = 0, steps_ = 0;
};

}  // namespace

Trainer::Trainer(const Settings& settings, BaseModel& base, const TrainingData& data, const RunFolder& folder,
                 Watch watch)
    : settings_{settings},
      task_{find_task(settings.task)},
      model_{*base.loaded.model},
      data_{data},
      folder_{folder},
      watch_{watch},
      from_{folder.last()},
      training_step_{model_, data.train, settings_},
      log_{folder.path() / "metrics.jsonl", resume(base)},  // which changes no file where it refuses
      progress_{settings.method.name + " on " + settings.task, static_cast<long>(state_.steps),
                static_cast<long>(state_.step)} {
  if (!from_) return;
  folder_.write_settings(settings_);
  if (!log_.records().empty()) seconds_before_ = log_.records().back().seconds;
  if (from_->state.data.empty()) progress_.say("the state of the run does not say what data it is of: not compared");
  progress_.say(text("goes on from step %lld of %lld", static_cast<long long>(state_.step),
                     static_cast<long long>(state_.steps)));
  from_.reset();  // as large as the model
}

std::int64_t Trainer::resume(BaseModel& base) {
  state_ = {.steps = training_step_.order().steps(), .base = base.fingerprint, .data = data_.fingerprint};
  if (!from_) return 0;
  const std::filesystem::path file = snapshot_file(folder_.path(), Checkpoint::last);
  const RunState& there = from_->state;
  pst::require(there.steps == state_.steps, file.string(), ": is of a run of ", there.steps,
               " steps, with the data that are there now it would have ", state_.steps, ": give another --out");
  pst::require(!there.data.empty() || read_settings(folder_.path()).data == settings_.data, file.string(),
               ": does not say what data it is of, which began in ", read_settings(folder_.path()).data.string(),
               ": give that folder with --data");
  pst::require(there.data.empty() || there.data == state_.data, file.string(),
               ": is of a run on other sequences (fingerprint ", there.data, ") than ", settings_.data.string(),
               " and the tokenizer give now (", state_.data,
               "): bring back the files that it began with, or give another --out");
  restore(base, *from_, file);
  training_step_.follow_model();
  try {
    if (there.step > 0) training_step_.optimizer().restore(from_->optimizer);
  } catch (const pst::Error& error) {
    pst::fail(file.string(), ": ", error.what());
  }
  state_ = there;
  state_.data = data_.fingerprint;
  return there.step;
}

TrainResult Trainer::run() {
  training_step_.optimizer().check(model_, settings_);
  for (;;) {
    const auto start = Clock::now();
    if (training_step_.rest_if_due(state_.step))
      progress_.say(text(has_gates(settings_.method) ? "step %lld: gates rest, the largest changes train"
                                                     : "step %lld: masks rest, kept weights train",
                         static_cast<long long>(state_.step)));
    model_.begin_step(state_.step, state_.steps);
    const auto pause = Clock::now();
    if (evaluation_due()) {
      evaluate_without_draw();
      training_step_.optimizer().check(model_, settings_);
    }
    if (state_.step == state_.steps || !stopped_.empty()) break;
    train_step(start + (Clock::now() - pause));
    show();
    const auto asked = interrupt_.asked();
    if (save_due() || asked) save();
    if (asked) throw *asked;
  }
  progress_.close();
  write_curves();
  return result();
}

void Trainer::train_step(Clock::time_point start) {
  outcome_ = training_step_(state_.step);
  ++state_.step;
  window_.loss += outcome_.loss;
  window_.tokens += outcome_.tokens;
  window_.seconds += std::chrono::duration<double>(Clock::now() - start).count();
  ++window_.steps;
  if (state_.step % watch_.log_every == 0 || evaluation_due()) record_training();
}

void Trainer::record_training() {
  const auto steps = static_cast<double>(window_.steps);
  Record record = new_record();
  record.loss = window_.loss / steps;
  record.step_ms = 1000 * window_.seconds / steps;
  record.tokens_per_second = static_cast<double>(window_.tokens) / std::max(window_.seconds, 1e-9);
  log_.add(record);
  window_ = {};
}

Record Trainer::new_record() const {
  Record record;
  record.step = state_.step;
  record.epoch = training_step_.order().epoch_at(state_.step);
  record.sparsity = reached_sparsity(model_, settings_.method);
  const std::int64_t step = std::max<std::int64_t>(0, state_.step - 1);  // the one that was taken
  record.rate = settings_.rate * (model_.trains_kept() ? kept_scale(settings_, step, state_.steps)
                                                       : rate_scale(settings_, step, state_.steps));
  record.seconds = seconds();
  return record;
}

double Trainer::seconds() const {
  return seconds_before_ + std::chrono::duration<double>(Clock::now() - start_).count();
}

bool Trainer::evaluation_due() const {
  if (state_.step == 0) return false;
  const std::int64_t every =
      settings_.evaluate_every > 0 ? settings_.evaluate_every : training_step_.order().steps_per_epoch();
  return state_.step == state_.steps || state_.step % every == 0 ||
         state_.step == last_dense_step(settings_.method, state_.steps);
}

/// What is drawn in a step is of training alone.
void Trainer::evaluate_without_draw() {
  const bool draws = has_gates(settings_.method) && !model_.trains_kept();
  if (draws) model_.refresh(static_cast<double>(state_.step) / static_cast<double>(state_.steps));
  evaluate();
  if (draws) model_.begin_step(state_.step, state_.steps);
}

void Trainer::evaluate() {
  Record record = new_record();
  std::optional<double> score, error;  // none where it is undefined
  std::string said;
  for (const DevSet& dev : data_.dev) {
    const Evaluation found = finetune::evaluate(
        model_, task_, dev.sequences, static_cast<std::size_t>(settings_.batch), [&](std::size_t done) {
          if (const auto asked = interrupt_.asked()) throw *asked;
          progress_.show(static_cast<long>(state_.step),
                         "dev data, " + std::to_string(done) + " of " + std::to_string(dev.sequences.size()));
        });
    if (!record.dev_loss) {
      record.dev_loss = found.loss;
      score = main_score(task_, found);
      error = standard_error(task_, found, dev.sequences);
    }
    warn_of_one_class(dev, found);
    for (const Score& each : found.scores) {
      record.scores.push_back({std::string{each.name} + (dev.title.empty() ? "" : "_" + dev.title), each.value});
      said += ", " + record.scores.back().name + ' ' + text_of(each);
    }
  }
  log_.add(record);
  last_score_ = score;
  compare_with_best(score, error);
  progress_.say(text("step %lld, epoch %.2f: dev loss %.4f%s, sparsity %.1f %%%s", static_cast<long long>(state_.step),
                     record.epoch, *record.dev_loss, said.c_str(), 100 * record.sparsity,
                     state_.best_score && state_.best_step == state_.step ? ", the best so far" : ""));
  if (!stopped_.empty()) progress_.say(stopped_);
  write_curves();
}

void Trainer::warn_of_one_class(const DevSet& dev, const Evaluation& found) {
  const std::optional<std::string> only = only_class(task_, found);
  if (!only) return;
  std::string advice;
  if (!prunes(settings_.method))
    advice = ": the task is not learnt yet; where that lasts, " + dense_phase_advice(settings_, state_.steps);
  else if (state_.step == last_dense_step(settings_.method, state_.steps))
    advice = ": the dense phase ends without having learnt the task; " + dense_phase_advice(settings_, state_.steps) +
             ", or a longer --warmup";
  progress_.say("warning: every prediction" + (dev.title.empty() ? "" : " for " + dev.title) + " is \"" + *only + "\"" +
                advice);
}

void Trainer::compare_with_best(std::optional<double> score, std::optional<double> error) {
  const bool is_final_form = !has_gates(settings_.method) || model_.trains_kept();
  const bool counts =
      (is_final_form && is_sparse_enough(settings_.method, reached_sparsity(model_, settings_.method))) ||
      (state_.step == state_.steps && !state_.best_score);
  if (!counts) return;
  // An undefined score is no better than any other: the last one of these states is kept.
  if (!state_.best_score || (score && *score > *state_.best_score)) {
    state_.best_score = score;
    state_.best_error = error;
    state_.best_step = state_.step;
    state_.evaluations_since_best = 0;
    folder_.save(Checkpoint::best, {state_, model_.save(), {}});
    return;
  }
  ++state_.evaluations_since_best;
  if (settings_.patience == 0 || state_.evaluations_since_best < settings_.patience || state_.step == state_.steps)
    return;
  const ShownMetric metric = shown(main_metric(task_));
  stopped_ =
      text("stopped at step %lld of %lld: %s was %.4f at step %lld, and not better in %d evaluations since",
           static_cast<long long>(state_.step), static_cast<long long>(state_.steps), metric.name.c_str(),
           metric.sign * *state_.best_score, static_cast<long long>(state_.best_step), state_.evaluations_since_best);
}

bool Trainer::save_due() const {
  if (evaluation_due()) return true;
  if (watch_.save_every > 0) return state_.step % watch_.save_every == 0;
  return std::chrono::duration<double>(Clock::now() - saved_).count() > seconds_between_saves;
}

void Trainer::save() {
  if (window_.steps > 0) record_training();
  folder_.save(Checkpoint::last, {state_, model_.save(), training_step_.optimizer().save()});
  saved_ = Clock::now();
}

void Trainer::show() {
  const double rate = window_.steps > 0 ? static_cast<double>(window_.tokens) / std::max(window_.seconds, 1e-9)
                                        : log_.records().back().tokens_per_second;
  progress_.show(static_cast<long>(state_.step),
                 text("step %lld, loss %.4f, sparsity %.1f %%, %.0f tokens/s", static_cast<long long>(state_.step),
                      outcome_.loss, 100 * reached_sparsity(model_, settings_.method), rate));
}

void Trainer::write_curves() const {
  common::write_file(folder_.path() / "metrics.csv", log_.csv());
  common::write_file(folder_.path() / "curves.svg",
                     draw_run(settings_.method.name + " on " + settings_.task, log_.records(), state_.steps));
}

TrainResult Trainer::result() const {
  TrainResult made{.metric = main_metric(task_),
                   .best = state_.best_score,
                   .best_step = state_.best_step,
                   .best_error = state_.best_error,
                   .baseline = baseline_of(task_, data_.dev.front().sequences, data_.train, model_.config().vocabulary),
                   .last = last_score_,
                   .sparsity = reached_sparsity(model_, settings_.method),
                   .train_sequences = data_.train.size(),
                   .step = state_.step,
                   .steps = state_.steps,
                   .seconds = seconds(),
                   .stopped = stopped_};
  double steps = 0, tokens = 0;
  MeanLoss first, last;
  std::int64_t before = 0;
  for (const Record& record : log_.records()) {
    if (record.dev_loss && record.sparsity == 0) take_better(made.before_pruning, main_score(record, made.metric));
    if (!record.loss) continue;
    const auto count = static_cast<double>(record.step - before);
    before = record.step;
    if (10 * (static_cast<double>(record.step) - count) < static_cast<double>(state_.step))
      first.add(*record.loss, count);
    if (10 * record.step > 9 * state_.step) last.add(*record.loss, count);
    steps += count;
    made.step_ms += count * record.step_ms;
    tokens += count * record.step_ms / 1000 * record.tokens_per_second;
  }
  if (steps > 0 && made.step_ms > 0) {
    made.tokens_per_second = 1000 * tokens / made.step_ms;
    made.step_ms /= steps;
  }
  made.first_loss = first.value();
  made.last_loss = last.value();
  return made;
}

bool has_diverged(const TrainResult& result) {
  return result.first_loss && result.last_loss && *result.last_loss > 2 * *result.first_loss &&
         *result.last_loss > *result.first_loss + 1;
}

}  // namespace finetune
