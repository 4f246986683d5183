// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "finetune/model/batch.hpp"

namespace finetune {

/// When a beam search that has found as many sentences as it has beams stops.
enum class EarlyStopping {
  no,    ///< when the best open beam, at its present length, scores below all of them
  yes,   ///< at once
  never  ///< when no open beam can come to score above one of them, however long it grows
};

/// How a model goes on with a prompt: greedily, by lot, or with beams. The meaning of every number is that of
/// transformers' GenerationConfig.
struct GenerationSettings {
  index_t max_new_tokens = 128;  ///< the end token among them; never more than the model can read with the prompt
  std::vector<int> ends = {};    ///< the tokens that end a sentence, each of them; none: no token does
  index_t no_repeat_ngram = 0;   ///< no so many tokens occur twice, those of the prompt among them; 0: all may

  index_t beams = 1;            ///< 1: the likeliest token each time
  double length_penalty = 1.0;  ///< the log-likelihood of a sentence is divided by its length to this power
  EarlyStopping early_stopping = EarlyStopping::no;

  bool sample = false;  ///< draw each token; with 1 beam
  double temperature = 1.0;
  index_t top_k = 50;  ///< only the so many likeliest tokens are drawn; 0: all
  double top_p = 1.0;  ///< only the likeliest tokens that have this share together are drawn
  std::uint64_t seed = 1;
};

/// Whether `token` ends a sentence.
[[nodiscard]] inline bool is_end(const GenerationSettings& settings, int token) noexcept {
  return std::ranges::find(settings.ends, token) != settings.ends.end();
}

/// Those with which the paper generates: 10 beams, length penalty 0.8, no four tokens twice.
[[nodiscard]] inline GenerationSettings paper_generation() {
  GenerationSettings settings;
  settings.no_repeat_ngram = 4;
  settings.beams = 10;
  settings.length_penalty = 0.8;
  return settings;
}

/// Throws pst::Error on a number that has no meaning.
void check(const GenerationSettings& settings);

}  // namespace finetune
