// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "generation.hpp"
#include "ngrams.hpp"

namespace finetune {
namespace {

/// For each n, the most that any one reference has of each n-gram.
std::vector<NgramCounts> largest_counts(const std::vector<Words>& references, std::size_t longest) {
  std::vector<NgramCounts> largest(longest);
  for (const Words& reference : references) {
    const auto counts = count_ngrams(reference, longest);
    for (std::size_t n = 0; n < longest; ++n) keep_largest(largest[n], counts[n]);
  }
  return largest;
}

std::size_t closest_length(const GeneratedWords& sentence) {
  const auto distance = [&](std::size_t length) {
    return std::max(length, sentence.text.size()) - std::min(length, sentence.text.size());
  };
  std::size_t closest = sentence.references.front().size();
  for (const Words& reference : sentence.references) {
    const std::size_t length = reference.size();
    if (distance(length) < distance(closest) || (distance(length) == distance(closest) && length < closest))
      closest = length;
  }
  return closest;
}

}  // namespace

double bleu(std::span<const GeneratedWords> sentences) {
  check_references("BLEU", sentences);
  constexpr std::size_t longest = 4;
  std::array<double, longest> matched{}, written{};
  double reference_length = 0;
  for (const GeneratedWords& sentence : sentences) {
    const auto counts = count_ngrams(sentence.text, longest);
    const auto largest = largest_counts(sentence.references, longest);
    for (std::size_t n = 0; n < longest; ++n) {
      for (const auto& [ngram, count] : counts[n])
        matched[n] += static_cast<double>(std::min(count, count_of(largest[n], ngram)));
      written[n] += static_cast<double>(ngrams_in(sentence.text.size(), n + 1));
    }
    reference_length += static_cast<double>(closest_length(sentence));
  }
  if (written.back() == 0) return 0;
  double log_precision = 0, unmatched = 1;
  for (std::size_t n = 0; n < longest; ++n) {
    if (matched[n] == 0) matched[n] = 1 / (unmatched *= 2);
    log_precision += std::log(matched[n] / written[n]) / static_cast<double>(longest);
  }
  return std::exp(std::min(0.0, 1 - reference_length / written[0]) + log_precision);
}

namespace {

constexpr std::size_t longest_nist = 5;

/// How often each n-gram occurs in all references together.
struct ReferenceCounts {
  std::vector<NgramCounts> counts{longest_nist};
  std::size_t words = 0;

  void add(const Words& reference) {
    const auto added = count_ngrams(reference, longest_nist);
    for (std::size_t n = 0; n < longest_nist; ++n)
      for (const auto& [ngram, count] : added[n]) counts[n][ngram] += count;
    words += reference.size();
  }

  /// The information of an n-gram of n + 1 words that occurs.
  double information(const std::string& ngram, std::size_t n) const {
    const std::size_t beginnings = n == 0 ? words : count_of(counts[n - 1], ngram.substr(0, ngram.rfind(' ')));
    return std::log2(static_cast<double>(beginnings) / static_cast<double>(count_of(counts[n], ngram)));
  }
};

double nist_length_factor(double written, double reference_length) {
  if (written >= reference_length) return 1;
  const double ratio = std::log(written / reference_length) / std::log(1.5);
  return std::exp(std::log(0.5) * ratio * ratio);
}

}  // namespace

double nist(std::span<const GeneratedWords> sentences) {
  check_references("NIST", sentences);
  ReferenceCounts references;
  double reference_length = 0;
  for (const GeneratedWords& sentence : sentences) {
    const std::size_t before = references.words;
    for (const Words& reference : sentence.references) references.add(reference);
    reference_length +=
        static_cast<double>(references.words - before) / static_cast<double>(sentence.references.size());
  }
  std::array<double, longest_nist> matched{}, written{};
  for (const GeneratedWords& sentence : sentences) {
    const auto counts = count_ngrams(sentence.text, longest_nist);
    const auto largest = largest_counts(sentence.references, longest_nist);
    for (std::size_t n = 0; n < longest_nist; ++n) {
      for (const auto& [ngram, count] : counts[n])
        if (const std::size_t hits = std::min(count, count_of(largest[n], ngram)); hits > 0)
          matched[n] += static_cast<double>(hits) * references.information(ngram, n);
      written[n] += static_cast<double>(ngrams_in(sentence.text.size(), n + 1));
    }
  }
  if (written[0] == 0) return 0;
  double score = 0;
  for (std::size_t n = 0; n < longest_nist; ++n) score += matched[n] / std::max(written[n], 1.0);
  return score * nist_length_factor(written[0], reference_length);
}

}  // namespace finetune
