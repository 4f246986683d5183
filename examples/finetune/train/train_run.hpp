// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>

#include "finetune/train/trainer.hpp"
#include "finetune/train/verdict.hpp"

namespace finetune {

/// What the run of a folder came to.
struct RunOutcome {
  TrainResult result;
  Verdict verdict;
};

/// One run from its settings to result.json, from where its folder stands: says on stderr what trains, how it goes and
/// what it is worth beside the score `dense` of a dense model, on stdout its table. Throws pst::Error on settings,
/// files and folders that it cannot use, and Interrupted, with the last state saved, when asked to stop.
[[nodiscard]] RunOutcome train_run(const Settings& settings, const std::filesystem::path& out, const Watch& watch,
                                   std::optional<double> dense = {});

}  // namespace finetune
