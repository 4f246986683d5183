// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "finetune/model/batch.hpp"
#include "finetune/model/config.hpp"
#include "finetune/model/model.hpp"
#include "finetune/tasks/task_data.hpp"
#include "finetune/tokenizer/tokenizer.hpp"

namespace finetune {

/// The tokens of an example, and what a model should give for them.
struct Sequence {
  std::vector<int> ids, types;
  int label = -1;      ///< of a classification
  float value = 0;     ///< of a regression
  index_t prompt = 0;  ///< of a language model: so many tokens at the beginning are given, and no loss counts them
};

/// The sequences of one file of a task, in its order.
///
/// A meaning and each of its references are "meaning <end> reference <end>", as microsoft/LoRA writes them; running
/// text is cut into pieces of `max_length`. Throws pst::Error when the tokenizer does not go with the model.
[[nodiscard]] std::vector<Sequence> encode(const Task& task, const TaskData& data, const Tokenizer& tokenizer,
                                           const ModelConfig& config, index_t max_length);

/// Some sequences side by side. It owns what its views show.
class SequenceBatch {
 public:
  SequenceBatch(std::span<const Sequence> sequences, std::span<const std::size_t> which, int padding);

  [[nodiscard]] Batch batch() const noexcept { return {tokens_, ids_, lengths_, types_}; }
  [[nodiscard]] Targets targets(double smoothing = 0.0) const noexcept { return {labels_, values_, smoothing}; }

 private:
  index_t tokens_ = 0;
  std::vector<int> ids_, types_, labels_;
  std::vector<index_t> lengths_;
  std::vector<float> values_;
};

}  // namespace finetune
