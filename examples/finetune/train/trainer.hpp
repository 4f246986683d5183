// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "common/progress.hpp"
#include "finetune/evaluate/baseline.hpp"
#include "finetune/evaluate/evaluate.hpp"
#include "finetune/run/metrics_log.hpp"
#include "finetune/run/run_folder.hpp"
#include "finetune/train/interrupt.hpp"
#include "finetune/train/training_data.hpp"
#include "finetune/train/training_step.hpp"

namespace finetune {

/// How a run is watched, which does not change what comes out.
struct Watch {
  std::int64_t log_every = 10;  ///< steps between two records of training
  std::int64_t save_every = 0;  ///< steps between two saves; 0: at evaluations, and every ten minutes
};

/// What a run came to.
struct TrainResult {
  std::string metric = {};  ///< the one that says which state is best, the higher the better
  std::optional<double> best =
      {};  ///< its best value; none where it was undefined each time, or nothing was sparse enough
  std::int64_t best_step = 0;
  std::optional<double> best_error = {};  ///< its standard error
  std::optional<Baseline> baseline = {};  ///< what answers without a model have on the same data
  /// The best score before weights were pruned; of a model that stays dense, its best.
  std::optional<double> before_pruning = {};
  std::optional<double> last = {};        ///< its last one
  std::optional<double> first_loss = {};  ///< of training: the mean over the first tenth of its steps
  std::optional<double> last_loss = {};   ///< likewise over the last tenth
  double sparsity = 0;
  std::size_t train_sequences = 0;  ///< how many there were to learn from
  std::int64_t step = 0, steps = 0;
  double step_ms = 0;            ///< the mean, evaluations aside
  double tokens_per_second = 0;  ///< likewise
  double seconds = 0;            ///< the whole run, evaluations included
  std::string stopped = {};      ///< why, when before the last step
};

/// Whether the loss rose so far that the run is lost: to twice what it was, and by more than 1. A model that was
/// trained before and is pruned may lose less than that.
[[nodiscard]] bool has_diverged(const TrainResult& result);

/// The run of one folder, from where it stands to its end.
///
/// A snapshot is taken between an optimizer's step and the next `begin_step`, always before an evaluation: a run that
/// goes on from there asks the dev data again, and does all that the run it was cut off from would have done. Training
/// is recorded at each save too, so that the records of a run that goes on tell of every step once.
class Trainer {
 public:
  Trainer(const Settings& settings, BaseModel& base, const TrainingData& data, const RunFolder& folder, Watch watch);

  /// Throws Interrupted, with the last state saved, when asked to stop.
  TrainResult run();
  [[nodiscard]] const MetricsLog& log() const noexcept { return log_; }

 private:
  using Clock = std::chrono::steady_clock;
  /// What training gave since its last record.
  struct Window {
    double loss = 0, seconds = 0;
    index_t tokens = 0;
    std::int64_t steps = 0;
  };

  /// Goes on from the last state, if there is one; returns its step.
  std::int64_t resume(BaseModel& base);
  void train_step(Clock::time_point start);
  void record_training();
  [[nodiscard]] bool evaluation_due() const;
  void evaluate_without_draw();
  void evaluate();
  void warn_of_one_class(const DevSet& dev, const Evaluation& found);
  void compare_with_best(std::optional<double> score, std::optional<double> error);
  [[nodiscard]] bool save_due() const;
  void save();
  void show();
  [[nodiscard]] Record new_record() const;
  [[nodiscard]] double seconds() const;
  void write_curves() const;
  [[nodiscard]] TrainResult result() const;

  const Settings& settings_;
  const Task& task_;
  Model& model_;
  const TrainingData& data_;
  const RunFolder& folder_;
  Watch watch_;
  std::optional<Snapshot> from_;
  TrainingStep training_step_;
  RunState state_;
  MetricsLog log_;
  common::Progress progress_;
  InterruptGuard interrupt_;
  Window window_;
  StepOutcome outcome_;
  Clock::time_point start_ = Clock::now(), saved_ = start_;
  double seconds_before_ = 0;  ///< of the processes that this one goes on from
  std::optional<double> last_score_;
  std::string stopped_;
};

}  // namespace finetune
