// SPDX-License-Identifier: Apache-2.0
#include "finetune/train/training_data.hpp"

#include <utility>

#include "finetune/train/data_order.hpp"

namespace finetune {

TrainingData load_training_data(const Settings& settings, const BaseModel& base) {
  const Task& task = find_task(settings.task);
  TrainingData data;
  const auto encoded = [&](const TaskData& file, const char* part, std::int64_t limit) {
    if (file.skipped > 0)
      data.remarks.push_back(std::to_string(file.skipped) + " rows of the " + part +
                             " data are skipped, the first: " + file.first_skipped);
    auto sequences = encode(task, file, base.tokenizer, base.loaded.model->config(), settings.max_length);
    const std::size_t all = sequences.size();
    sequences = limited(std::move(sequences), limit);
    if (sequences.size() < all)
      data.remarks.push_back("of the " + std::to_string(all) + " sequences of the " + part + " data " +
                             std::to_string(sequences.size()) + " are used, evenly spread");
    return sequences;
  };
  for (const TaskData& file : load_task(task, settings.data, TaskPart::train))
    for (Sequence& sequence : encoded(file, "training", settings.train_limit))
      data.train.push_back(std::move(sequence));
  for (const TaskData& file : load_task(task, settings.data, TaskPart::dev))
    data.dev.push_back({file.title, encoded(file, "dev", settings.dev_limit)});
  return data;
}

}  // namespace finetune
