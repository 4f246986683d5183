// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "finetune/model/batch.hpp"
#include "finetune/model/config.hpp"
#include "finetune/model/model.hpp"
#include "finetune/tasks/task_data.hpp"
#include "finetune/tokenizer/tokenizer.hpp"

namespace finetune {

/// The tokens of an example, and what a model should give for them.
struct Sequence {
  std::vector<int> ids = {};
  std::vector<int> types = {};     ///< empty: all are 0
  int label = -1;                  ///< of a classification; -1 where the file has none
  float value = 0;                 ///< of a regression; NaN where the file has none
  std::vector<float> taught = {};  ///< what a teacher says: a logit for each class, or the number; empty: there is none
  index_t prompt = -1;  ///< of a language model: so many tokens at the beginning are given, and no loss counts them; -1
                        ///< of any other

  [[nodiscard]] index_t length() const noexcept { return static_cast<index_t>(ids.size()); }
  /// How many labels a loss counts: the tokens behind the prompt, but the first one, which nothing foresees.
  [[nodiscard]] index_t counted() const noexcept {
    return prompt < 0 ? 1 : length() - std::min(std::max<index_t>(prompt, 1), length());
  }
};

/// The fewest tokens that a sequence may be cut to.
inline constexpr index_t shortest_max_length = 8;

/// Throws pst::Error, with `task`'s name, when the model or the tokenizer is not made for it, or not for each other.
void check_fits(const Task& task, const Tokenizer& tokenizer, const ModelConfig& config);

/// What a head for the task calls its outputs; none for a language model.
[[nodiscard]] std::vector<std::string> label_names(const Task& task);

/// For each class of the task the output of a head with these labels that stands for it: by name, or by place where the
/// names are not the task's.
[[nodiscard]] std::vector<std::size_t> outputs_of_classes(const Task& task, std::span<const std::string> labels);

/// What the labels of a trained head are and what the task's are, where these are as many but have other names; empty
/// otherwise, and for names that say nothing, as LABEL_0 or 0.
[[nodiscard]] std::string other_labels(const Task& task, std::span<const std::string> labels);

/// The sequences of one file of a task, in its order, each cut at its end to `max_length` tokens, or to what the model
/// reads at most.
///
/// A meaning and each of its references are "meaning<end> reference<end>", as microsoft/LoRA writes them, and the loss
/// is that of the reference; a meaning that leaves no room for one is left out. Running text is cut into pieces. Throws
/// pst::Error where `check_fits` does, and when nothing is left to learn from.
[[nodiscard]] std::vector<Sequence> encode(const Task& task, const TaskData& data, const Tokenizer& tokenizer,
                                           const ModelConfig& config, index_t max_length);

/// What a model is given of a meaning, "meaning<end>". Throws pst::Error when the tokenizer has no end token.
[[nodiscard]] std::vector<int> prompt_of(const Meaning& meaning, const Tokenizer& tokenizer);

/// Which sequences are asked together: at most `batch` of like length, from the shortest on. Each is in one batch.
[[nodiscard]] std::vector<std::vector<std::size_t>> batches_of_like_length(std::span<const Sequence> sequences,
                                                                           std::size_t batch);

/// Some sequences side by side. It owns what its views show.
class SequenceBatch {
 public:
  /// `padding` fills shorter sequences up; models never look at it.
  SequenceBatch(std::span<const Sequence> sequences, std::span<const std::size_t> which, int padding = 0);

  [[nodiscard]] Batch batch() const noexcept { return {tokens_, ids_, lengths_, types_}; }
  [[nodiscard]] Targets targets(double smoothing = 0.0, transformer::Distillation distillation = {}) const noexcept {
    return {labels_, values_, smoothing, taught_, distillation};
  }
  /// How many labels a loss counts: the weight of this batch among others.
  [[nodiscard]] index_t counted() const noexcept { return counted_; }

 private:
  index_t tokens_ = 0, counted_ = 0;
  std::vector<int> ids_, types_, labels_;
  std::vector<index_t> lengths_;
  std::vector<float> values_, taught_;
};

}  // namespace finetune
