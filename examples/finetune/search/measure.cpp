// SPDX-License-Identifier: Apache-2.0
#include "finetune/search/measure.hpp"

#include <chrono>

#include "common/progress.hpp"
#include "finetune/export/check.hpp"
#include "finetune/export/compressed_body.hpp"
#include "finetune/methods/methods.hpp"
#include "finetune/run/trained_run.hpp"
#include "finetune/train/training_data.hpp"

namespace finetune {

Candidate measure(const std::filesystem::path& run, double sparsity, const Settings& settings, const TrainingData& data,
                  std::optional<double> dense) {
  using Clock = std::chrono::steady_clock;
  const Task& task = find_task(settings.task);
  const TrainedRun trained = load_run(run, Checkpoint::best, settings.model);
  use_threads(1);
  const std::vector<Sequence>& sequences = data.dev.front().sequences;
  const std::uintmax_t all = dense_bytes(*trained.model);
  const auto weights = static_cast<std::uintmax_t>(ExportReport{.layers = count_zeros(*trained.model)}.total().size);
  const std::unique_ptr<Model> model = sparsity > 0 ? compressed(*trained.model) : densified(*trained.model);

  common::Progress progress{run.filename().string(), static_cast<long>(sequences.size())};
  const Clock::time_point start = Clock::now();
  const Evaluation found = evaluate(*model, task, sequences, static_cast<std::size_t>(settings.batch),
                                    [&](std::size_t done) { progress.show(static_cast<long>(done), "dev data"); });
  const std::chrono::duration<double, std::milli> spent = Clock::now() - start;
  progress.close();
  return {.run = run,
          .sparsity = sparsity,
          .standing = {.metric = main_metric(task),
                       .score = main_score(task, found),
                       .error = standard_error(task, found, sequences),
                       .baseline = baseline_of(task, sequences, data.train, model->config().vocabulary),
                       .dense = dense},
          .bytes = all - weights * sizeof(float) + layer_bytes(*model),
          .milliseconds = spent.count() / static_cast<double>(sequences.size())};
}

}  // namespace finetune
