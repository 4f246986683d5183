// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <unordered_map>

#include "generation.hpp"
#include "ngrams.hpp"

namespace finetune {
namespace {

std::size_t longest_common_subsequence(const Words& a, const Words& b) {
  std::vector<std::size_t> above(b.size() + 1), row(b.size() + 1);
  for (const std::string& word : a) {
    for (std::size_t j = 0; j < b.size(); ++j)
      row[j + 1] = word == b[j] ? above[j] + 1 : std::max(above[j + 1], row[j]);
    std::swap(above, row);
  }
  return above.back();
}

Words or_one_empty_word(const Words& words) { return words.empty() ? Words{""} : words; }

double rouge_l_of(const GeneratedWords& sentence) {
  const Words text = or_one_empty_word(sentence.text);
  double precision = 0, recall = 0;
  for (const Words& given : sentence.references) {
    const Words reference = or_one_empty_word(given);
    const auto common = static_cast<double>(longest_common_subsequence(text, reference));
    precision = std::max(precision, common / static_cast<double>(text.size()));
    recall = std::max(recall, common / static_cast<double>(reference.size()));
  }
  constexpr double squared = 1.2 * 1.2;
  return precision > 0 ? (1 + squared) * precision * recall / (recall + squared * precision) : 0;
}

constexpr std::size_t longest_ngram = 4;

/// The n-grams of one sentence with their weights, for each n.
struct Weighed {
  std::vector<std::unordered_map<std::string, double>> weight{longest_ngram};
  std::vector<double> norm = std::vector<double>(longest_ngram);
  double bigrams = 0;
};

class Cider {
 public:
  explicit Cider(std::span<const GeneratedWords> sentences) : sentences_{sentences}, having_(longest_ngram) {
    for (const GeneratedWords& sentence : sentences) {
      std::vector<NgramCounts> any(longest_ngram);
      for (const Words& reference : sentence.references) {
        const auto counts = count_ngrams(reference, longest_ngram);
        for (std::size_t n = 0; n < longest_ngram; ++n) keep_largest(any[n], counts[n]);
      }
      for (std::size_t n = 0; n < longest_ngram; ++n)
        for (const auto& [ngram, count] : any[n]) ++having_[n][ngram];
    }
  }

  [[nodiscard]] double mean_score() const {
    double total = 0;
    for (const GeneratedWords& sentence : sentences_) {
      const Weighed text = weigh(sentence.text);
      double sum = 0;
      for (const Words& reference : sentence.references) sum += similarity(text, weigh(reference));
      total += sum / static_cast<double>(sentence.references.size());
    }
    return 10 * total / static_cast<double>(sentences_.size());
  }

 private:
  [[nodiscard]] Weighed weigh(const Words& words) const {
    Weighed made;
    const auto counts = count_ngrams(words, longest_ngram);
    for (std::size_t n = 0; n < longest_ngram; ++n) {
      for (const auto& [ngram, count] : counts[n]) {
        const auto having = static_cast<double>(std::max<std::size_t>(1, count_of(having_[n], ngram)));
        const double weight =
            static_cast<double>(count) * (std::log(static_cast<double>(sentences_.size())) - std::log(having));
        made.weight[n].emplace(ngram, weight);
        made.norm[n] += weight * weight;
      }
      made.norm[n] = std::sqrt(made.norm[n]);
    }
    made.bigrams = static_cast<double>(ngrams_in(words.size(), 2));
    return made;
  }

  /// The mean over n of the clipped cosine, times the Gaussian of the difference in length.
  static double similarity(const Weighed& text, const Weighed& reference) {
    double sum = 0;
    for (std::size_t n = 0; n < longest_ngram; ++n) {
      double product = 0;
      for (const auto& [ngram, weight] : text.weight[n])
        if (const auto found = reference.weight[n].find(ngram); found != reference.weight[n].end())
          product += std::min(weight, found->second) * found->second;
      const double norms = text.norm[n] * reference.norm[n];
      if (norms > 0) sum += product / norms;
    }
    const double difference = text.bigrams - reference.bigrams;
    return sum / static_cast<double>(longest_ngram) * std::exp(-difference * difference / 72);
  }

  std::span<const GeneratedWords> sentences_;
  std::vector<NgramCounts> having_;  // how many sentences have the n-gram in a reference
};

}  // namespace

double rouge_l(std::span<const GeneratedWords> sentences) {
  check_references("ROUGE-L", sentences);
  double sum = 0;
  for (const GeneratedWords& sentence : sentences) sum += rouge_l_of(sentence);
  return sum / static_cast<double>(sentences.size());
}

double cider(std::span<const GeneratedWords> sentences) {
  check_references("CIDEr", sentences);
  return Cider{sentences}.mean_score();
}

GenerationScores score_generated(std::span<const Generated> sentences) {
  const auto translation = in_words(sentences, mteval_words);
  const auto caption = in_words(sentences, caption_words);
  return {bleu(translation), nist(translation), rouge_l(caption), cider(caption)};
}

}  // namespace finetune
