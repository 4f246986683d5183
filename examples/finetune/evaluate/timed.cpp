// SPDX-License-Identifier: Apache-2.0
#include "finetune/evaluate/timed.hpp"

#include <chrono>

#include "common/progress.hpp"

namespace finetune {

TimedEvaluation evaluate_timed(Model& model, const Task& task, std::span<const Sequence> sequences, std::size_t batch,
                               const std::string& title, const char* things) {
  using Clock = std::chrono::steady_clock;
  common::Progress progress{title, static_cast<long>(sequences.size())};
  const Clock::time_point start = Clock::now();
  TimedEvaluation made{.found = evaluate(model, task, sequences, batch,
                                         [&](std::size_t done) { progress.show(static_cast<long>(done), things); })};
  const std::chrono::duration<double, std::milli> spent = Clock::now() - start;
  progress.close();
  made.milliseconds = spent.count() / static_cast<double>(sequences.size());
  return made;
}

}  // namespace finetune
