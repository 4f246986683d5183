// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "sentences.hpp"

namespace finetune {

// Scores of generated sentences against all of their references, as the scripts of the E2E challenge
// (tuetschek/e2e-metrics) define them. Each refuses an empty input, and a sentence without a reference.

/// BLEU of the corpus (Papineni 2002), from 0 to 1: the geometric mean of the clipped precisions of 1- to 4-grams,
/// times `exp(min(0, 1 - r / c))`, where c counts generated words and r those of each closest reference (the shorter
/// one of two as close).
///
/// As in mteval-v13a, the k-th order without a match counts 1 / 2^k matches. It is 0 where no sentence has four words.
/// Words are those of mteval_words.
[[nodiscard]] double bleu(std::span<const GeneratedWords> sentences);

/// NIST of the corpus (Doddington 2002), from 0 up: for n = 1 to 5, the information of the matched n-grams over the
/// number of generated ones, summed and multiplied by `exp(log(0.5) (log(min(1, c / r)) / log(1.5))^2)`.
///
/// Information is `log2(count of the first n - 1 words / count of all n)` over all references; r sums the mean lengths
/// of the references, as pymteval has it: mteval-v13a differs where the number of references does. Words are those of
/// mteval_words.
[[nodiscard]] double nist(std::span<const GeneratedWords> sentences);

/// ROUGE-L (Lin 2004), from 0 to 1: the mean over the sentences of `(1 + b^2) P R / (R + b^2 P)` with b = 1.2, where P
/// and R are the longest common subsequence over the generated and over the reference length, each the largest over the
/// references. As in coco-caption, no words count as one empty word. Words are those of caption_words.
[[nodiscard]] double rouge_l(std::span<const GeneratedWords> sentences);

/// CIDEr as coco-caption's `Cider` computes it, with document frequencies from the references at hand, from 0 to 10.
///
/// For n = 1 to 4 the n-grams of a sentence weigh `count * log(N / max(1, references' sets that have it))`, N the
/// number of sentences; the similarity to a reference is `sum(min(g, r) r) / (norm(g) norm(r))`, times
/// `exp(-(difference in bigrams)^2 / 72)`; the score is 10 times its mean over n, references and sentences. Clipping
/// and the Gaussian are CIDEr-D's; unlike there, the Gaussian counts bigrams, one less than words. One sentence alone
/// scores 0, because each of its n-grams is in every set of references. Words are those of caption_words.
[[nodiscard]] double cider(std::span<const GeneratedWords> sentences);

/// All of the above.
struct GenerationScores {
  double bleu = 0;
  double nist = 0;
  double rouge_l = 0;
  double cider = 0;
};

/// Cuts the sentences as each score wants them, and scores them.
[[nodiscard]] GenerationScores score_generated(std::span<const Generated> sentences);

}  // namespace finetune
