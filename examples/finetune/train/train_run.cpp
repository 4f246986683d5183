// SPDX-License-Identifier: Apache-2.0
#include "finetune/train/train_run.hpp"

#include <pst/core/error.hpp>

#include <iostream>
#include <utility>

#include "common/files.hpp"
#include "finetune/train/report.hpp"
#include "finetune/train/teacher.hpp"
#include "finetune/train/training_step.hpp"

namespace finetune {

namespace {

void print_warnings(const MethodSettings& method, const TrainResult& result) {
  if (!result.stopped.empty()) std::cerr << result.stopped << '\n';
  if (has_diverged(result))
    std::cerr << "warning: the loss of training rose from " << *result.first_loss << " to " << *result.last_loss
              << ": try a smaller --rate\n";
  if (!is_sparse_enough(method, result.sparsity))
    std::cerr << "warning: " << 100 * result.sparsity << " % of the weights are zero, where " << 100 * method.sparsity
              << " % were asked for: train longer"
              << (method.name == "soft-movement" ? ", or raise --penalty or --score-rate\n" : "\n");
}

/// What a run needs before its first step; where something of it is refused, nothing is left of its folder.
struct Prepared {
  BaseModel base;
  TrainingData data;
};

Prepared prepare(const Settings& settings, const RunFolder& folder) {
  try {
    BaseModel base = load_base(settings);
    TrainingData data = load_training_data(settings, base);
    print_opening(std::cerr, settings, base, data);
    if (!settings.teacher.empty()) add_teacher(data, settings, folder.path() / "teacher.safetensors");
    return {std::move(base), std::move(data)};
  } catch (const pst::Error&) {
    folder.abandon();
    throw;
  }
}

}  // namespace

RunOutcome train_run(const Settings& settings, const std::filesystem::path& out, const Watch& watch,
                     std::optional<double> dense) {
  check(settings);
  const RunFolder folder{out, settings};  // before the model is read, which takes a while
  auto [base, data] = prepare(settings, folder);
  const ParameterCounts counts = count_parameters(*base.loaded.model, settings);
  const TrainResult result = Trainer{settings, base, data, folder, watch}.run();
  common::write_file(out / "result.json", result_text(settings, counts, result, dense));
  print_table(std::cout, settings, counts, result);
  print_warnings(settings.method, result);
  const Verdict verdict = verdict_on(settings, result, dense);
  std::cerr << "in " << out.string() << ": best/, last/, metrics.jsonl, metrics.csv, curves.svg, result.json\n"
            << "verdict: " << verdict.sentence << '\n';
  return {result, verdict};
}

}  // namespace finetune
