// SPDX-License-Identifier: Apache-2.0
#include "finetune/train/training_data.hpp"

#include <pst/core/random.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <utility>

#include "finetune/model/fingerprint.hpp"
#include "finetune/train/data_order.hpp"

namespace finetune {

namespace {

std::string fingerprint_of(const TrainingData& data) {
  std::uint64_t sum = 0;
  const auto add = [&sum](std::int64_t number) { sum = pst::mix_bits(sum ^ static_cast<std::uint64_t>(number)); };
  const auto add_all = [&](const std::vector<Sequence>& sequences) {
    add(static_cast<std::int64_t>(sequences.size()));
    for (const Sequence& sequence : sequences) {
      for (const std::int64_t number : {sequence.length(), sequence.prompt, static_cast<index_t>(sequence.label)})
        add(number);
      add(std::bit_cast<std::int32_t>(sequence.value));
      add(static_cast<std::int64_t>(sequence.types.size()));
      for (const int id : sequence.ids) add(id);
      for (const int type : sequence.types) add(type);
    }
  };
  add_all(data.train);
  add(static_cast<std::int64_t>(data.dev.size()));
  for (const DevSet& dev : data.dev) add_all(dev.sequences);
  return fingerprint_text(sum);
}

}  // namespace

TrainingData load_training_data(const Settings& settings, const BaseModel& base) {
  return load_training_data(settings, base.tokenizer, base.loaded.model->config());
}

TrainingData load_training_data(const Settings& settings, const Tokenizer& tokenizer, const ModelConfig& config) {
  const Task& task = find_task(settings.task);
  TrainingData data;
  const auto encoded = [&](const TaskData& file, const char* part, std::int64_t limit) {
    if (file.skipped > 0)
      data.remarks.push_back(std::to_string(file.skipped) + " rows of the " + part +
                             " data are skipped, the first: " + file.first_skipped);
    auto sequences = encode(task, file, tokenizer, config, settings.max_length);
    const std::size_t all = sequences.size();
    sequences = limited(std::move(sequences), limit);
    if (sequences.size() < all)
      data.remarks.push_back("of the " + std::to_string(all) + " sequences of the " + part + " data " +
                             std::to_string(sequences.size()) + " are used, evenly spread");
    const index_t longest = config.longest();
    const auto full = std::ranges::count(sequences, longest, &Sequence::length);
    if (full > 0 && longest < settings.max_length && task.kind != TaskKind::text)
      data.remarks.push_back(std::to_string(full) + " sequences of the " + part + " data may be cut: the model reads " +
                             std::to_string(longest) + " tokens, less than --max-length");
    return sequences;
  };
  for (const TaskData& file : load_task(task, settings.data, TaskPart::train))
    for (Sequence& sequence : encoded(file, "training", settings.train_limit))
      data.train.push_back(std::move(sequence));
  for (const TaskData& file : load_task(task, settings.data, TaskPart::dev))
    data.dev.push_back({file.title, encoded(file, "dev", settings.dev_limit)});
  data.fingerprint = fingerprint_of(data);
  return data;
}

}  // namespace finetune
