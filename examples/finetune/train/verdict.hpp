// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "finetune/evaluate/baseline.hpp"
#include "finetune/train/trainer.hpp"

namespace finetune {

/// What the best state of a run is worth, and in one sentence what to change where that is nothing.
struct Verdict {
  bool learnt = true;
  std::string sentence;
};

/// The exit code of `train` when its model has learnt nothing; all its files are written then as ever.
inline constexpr int learnt_nothing_code = 3;

/// How the best state of a run stands beside answers that need no model, and beside a dense model's score.
[[nodiscard]] Standing standing_of(const TrainResult& result, std::optional<double> dense = {});
[[nodiscard]] Verdict verdict_on(const Settings& settings, const TrainResult& result, std::optional<double> dense = {});

/// With the rate and the length of the run as numbers: what to try where the dense phase has not learnt the task.
[[nodiscard]] std::string dense_phase_advice(const Settings& settings, std::int64_t steps);

/// The best score of a run that has ended, in `folder`/result.json. Throws pst::Error when there is none, and when the
/// run is of another task.
[[nodiscard]] double read_best_score(const std::filesystem::path& folder, const std::string& task);

}  // namespace finetune
