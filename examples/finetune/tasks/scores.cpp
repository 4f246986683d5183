// SPDX-License-Identifier: Apache-2.0
#include "scores.hpp"

#include <pst/core/error.hpp>

#include <array>
#include <cmath>
#include <cstdio>

#include "finetune/metrics/classification.hpp"
#include "finetune/metrics/correlation.hpp"
#include "finetune/metrics/generation.hpp"

namespace finetune {
namespace {

template <class ValueOf>
std::vector<Score> each_metric(const Task& task, ValueOf value_of) {
  std::vector<Score> scores;
  for (const auto metric : task.metrics) scores.push_back({metric, value_of(metric)});
  return scores;
}

[[noreturn]] void refuse(const Task& task, std::string_view metric, const char* what) {
  pst::fail("the task ", task.name, " reports ", metric, ", which is no metric of ", what);
}

}  // namespace

std::string text_of(const Score& score) {
  if (std::isnan(score.value)) return "undefined";
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.4f", score.value);
  return text.data();
}

std::vector<Score> score_labels(const Task& task, std::span<const int> predicted, std::span<const int> expected) {
  return each_metric(task, [&](std::string_view metric) {
    if (metric == "accuracy") return accuracy(predicted, expected);
    if (metric == "f1") return f1(predicted, expected);
    if (metric == "matthews") return matthews(predicted, expected);
    refuse(task, metric, "classes");
  });
}

std::vector<Score> score_numbers(const Task& task, std::span<const double> predicted,
                                 std::span<const double> expected) {
  return each_metric(task, [&](std::string_view metric) {
    if (metric == "pearson") return pearson(predicted, expected);
    if (metric == "spearman") return spearman(predicted, expected);
    refuse(task, metric, "numbers");
  });
}

std::vector<Score> score_sentences(const Task& task, std::span<const Generated> sentences) {
  const GenerationScores scores = score_generated(sentences);
  return each_metric(task, [&](std::string_view metric) {
    if (metric == "bleu") return scores.bleu;
    if (metric == "nist") return scores.nist;
    if (metric == "rouge_l") return scores.rouge_l;
    if (metric == "cider") return scores.cider;
    refuse(task, metric, "sentences");
  });
}

std::vector<Score> score_text(const Task& task, double summed_loss, double tokens) {
  pst::require(tokens > 0 && std::isfinite(tokens) && std::isfinite(summed_loss), "perplexity: the loss of ", tokens,
               " tokens is ", summed_loss, ", expected tokens and a finite loss");
  return each_metric(task, [&](std::string_view metric) {
    if (metric == "perplexity") return std::exp(summed_loss / tokens);
    refuse(task, metric, "text");
  });
}

}  // namespace finetune
