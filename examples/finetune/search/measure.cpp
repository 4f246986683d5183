// SPDX-License-Identifier: Apache-2.0
#include "finetune/search/measure.hpp"

#include "finetune/evaluate/timed.hpp"
#include "finetune/export/check.hpp"
#include "finetune/export/compressed_body.hpp"
#include "finetune/methods/methods.hpp"
#include "finetune/run/trained_run.hpp"
#include "finetune/train/training_data.hpp"

namespace finetune {

Candidate measure(const std::filesystem::path& run, double sparsity, const Settings& settings, const TrainingData& data,
                  std::optional<double> dense) {
  const Task& task = find_task(settings.task);
  const TrainedRun trained = load_run(run, Checkpoint::best, settings.model);
  use_threads(1);
  const std::vector<Sequence>& sequences = data.dev.front().sequences;
  const std::uintmax_t all = dense_bytes(*trained.model);
  const auto weights = static_cast<std::uintmax_t>(ExportReport{.layers = count_zeros(*trained.model)}.total().size);
  const std::unique_ptr<Model> model = sparsity > 0 ? compressed(*trained.model) : densified(*trained.model);

  const TimedEvaluation asked = evaluate_timed(*model, task, sequences, static_cast<std::size_t>(settings.batch),
                                               run.filename().string(), "dev data");
  return {.run = run,
          .sparsity = sparsity,
          .standing = {.metric = main_metric(task),
                       .score = main_score(task, asked.found),
                       .error = standard_error(task, asked.found, sequences),
                       .baseline = baseline_of(task, sequences, data.train, model->config().vocabulary),
                       .dense = dense},
          .bytes = all - weights * sizeof(float) + layer_bytes(*model),
          .milliseconds = asked.milliseconds};
}

}  // namespace finetune
