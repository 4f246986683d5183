// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "finetune/evaluate/evaluate.hpp"

namespace finetune {

/// An evaluation, and how long it took.
struct TimedEvaluation {
  Evaluation found = {};
  double milliseconds = 0.0;  ///< per sequence
};

/// Asks a model about `sequences`, `batch` at a time, with a line of progress called `title` about `things`.
[[nodiscard]] TimedEvaluation evaluate_timed(Model& model, const Task& task, std::span<const Sequence> sequences,
                                             std::size_t batch, const std::string& title, const char* things);

}  // namespace finetune
