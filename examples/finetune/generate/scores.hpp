// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "finetune/generate/settings.hpp"
#include "transformer/matrix.hpp"

namespace finetune {

/// One score for each token of the vocabulary.
using TokenScores = std::span<float>;

/// Turns logits into log-likelihoods; throws pst::Error when they are not finite.
void log_softmax(TokenScores scores);

/// Gives -inf to every token that would make the last `ngram` tokens occur twice; 0 does nothing.
void ban_repeats(std::span<const int> ids, index_t ngram, TokenScores scores);

/// The token with the largest score, of equal ones the lowest; throws pst::Error on NaN, and when all are -inf.
[[nodiscard]] int likeliest(std::span<const float> scores);

/// The tokens that may be drawn and their probabilities: temperature, then the `top_k` largest and all that equal the
/// last of them, then the largest that have `top_p` of what is left, of equal ones the lowest. In falling order.
void drawable(std::span<const float> logits, const GenerationSettings& settings,
              std::vector<std::pair<double, int>>& tokens);

}  // namespace finetune
