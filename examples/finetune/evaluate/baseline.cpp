// SPDX-License-Identifier: Apache-2.0
#include "finetune/evaluate/baseline.hpp"

#include <pst/core/error.hpp>
#include <pst/core/random.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "finetune/evaluate/shown_metric.hpp"

namespace finetune {

namespace {

constexpr std::uint64_t bootstrap_samples = 200;

bool is_labelled(const Task& task, const Sequence& sequence) {
  return is_classification(task) ? sequence.label >= 0 : !std::isnan(sequence.value);
}

std::vector<int> labels_of(std::span<const Sequence> sequences) {
  std::vector<int> labels;
  for (const Sequence& sequence : sequences) labels.push_back(sequence.label);
  return labels;
}

Baseline best_constant(const Task& task, std::span<const Sequence> asked) {
  const std::vector<int> expected = labels_of(asked);
  std::optional<Baseline> best;
  for (std::size_t c = 0; c < task.labels.size(); ++c) {
    const std::vector<int> said(expected.size(), static_cast<int>(c));
    const double score = score_labels(task, said, expected).at(0).value;
    if (!best || score > best->score) best = {"always \"" + std::string{task.labels[c].name} + '"', score};
  }
  return *best;
}

/// Calls `visit` with every token that a loss counts.
template <class Visit>
void for_each_target(const Sequence& sequence, Visit&& visit) {
  for (index_t i = sequence.length() - sequence.counted(); i < sequence.length(); ++i)
    visit(static_cast<std::size_t>(sequence.ids[static_cast<std::size_t>(i)]));
}

Baseline token_frequencies(std::span<const Sequence> asked, std::span<const Sequence> train, index_t vocabulary) {
  std::vector<double> counts(static_cast<std::size_t>(vocabulary), 1.0);
  double all = static_cast<double>(vocabulary), loss = 0, tokens = 0;
  for (const Sequence& sequence : train) for_each_target(sequence, [&](std::size_t id) { ++counts.at(id), ++all; });
  for (const Sequence& sequence : asked)
    for_each_target(sequence, [&](std::size_t id) { loss += std::log(all / counts.at(id)), ++tokens; });
  return {"the frequencies of tokens alone", tokens > 0 ? -loss / tokens : 0.0};
}

/// Draws sequences with replacement and gives the main metric of each sample; NaN where it is undefined.
class Resampling {
 public:
  Resampling(const Task& task, const Evaluation& found, std::span<const Sequence> asked)
      : task_{task}, found_{found}, asked_{asked} {}

  [[nodiscard]] double score(std::uint64_t sample) {
    const std::uint64_t seed = pst::mix_bits(pst::derive_seed(sample, 'S'));
    for (std::vector<double>* list : {&said_, &expected_}) list->clear();
    for (std::size_t i = 0; i < asked_.size(); ++i) {
      const std::size_t drawn = pst::mix_bits(seed + i) % asked_.size();
      said_.push_back(found_.predictions[drawn]);
      expected_.push_back(is_classification(task_) ? asked_[drawn].label : static_cast<double>(asked_[drawn].value));
    }
    if (!is_classification(task_)) return score_numbers(task_, said_, expected_).at(0).value;
    const std::vector<int> said(said_.begin(), said_.end()), expected(expected_.begin(), expected_.end());
    return score_labels(task_, said, expected).at(0).value;
  }

 private:
  const Task& task_;
  const Evaluation& found_;
  std::span<const Sequence> asked_;
  std::vector<double> said_, expected_;
};

std::string fixed(double value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.4f", value);
  return text.data();
}

}  // namespace

std::string main_metric(const Task& task) {
  return is_language_model(task) ? negative_loss : std::string{task.metrics.at(0)};
}

std::optional<double> main_score(const Task& task, const Evaluation& found) {
  if (is_language_model(task)) return found.loss ? std::optional{-*found.loss} : std::nullopt;
  if (found.scores.empty() || std::isnan(found.scores[0].value)) return std::nullopt;
  return found.scores[0].value;
}

std::optional<Baseline> baseline_of(const Task& task, std::span<const Sequence> asked, std::span<const Sequence> train,
                                    index_t vocabulary) {
  if (is_language_model(task))
    return train.empty() ? std::nullopt : std::optional{token_frequencies(asked, train, vocabulary)};
  if (asked.empty() || !std::ranges::all_of(asked, [&](const Sequence& each) { return is_labelled(task, each); }))
    return std::nullopt;
  return is_classification(task) ? best_constant(task, asked) : Baseline{"a constant", 0.0};
}

std::optional<double> standard_error(const Task& task, const Evaluation& found, std::span<const Sequence> asked) {
  if (is_language_model(task) || !main_score(task, found)) return std::nullopt;
  pst::require(found.predictions.size() == asked.size(), "there are ", found.predictions.size(), " predictions for ",
               asked.size(), " sequences, expected as many");
  Resampling resampling{task, found, asked};
  double sum = 0, squares = 0, defined = 0;
  for (std::uint64_t sample = 0; sample < bootstrap_samples; ++sample) {
    const double score = resampling.score(sample);
    if (std::isnan(score)) continue;
    sum += score;
    squares += score * score;
    ++defined;
  }
  if (defined < 2) return std::nullopt;
  return std::sqrt(std::max(0.0, (squares - sum * sum / defined) / (defined - 1)));
}

std::optional<std::string> only_class(const Task& task, const Evaluation& found) {
  const std::vector<double>& said = found.predictions;
  if (!is_classification(task) || said.size() < 2 || std::ranges::count(said, said.front()) != std::ssize(said))
    return std::nullopt;
  return std::string{task.labels.at(static_cast<std::size_t>(said.front())).name};
}

bool has_learnt(const Standing& standing) {
  constexpr double errors = 2;
  if (!standing.score) return false;
  return !standing.baseline || *standing.score - standing.baseline->score > errors * standing.error.value_or(0.0);
}

std::string text_of(const Standing& standing) {
  const ShownMetric metric = shown(standing.metric);
  std::string text = metric.name + ' ' + (standing.score ? fixed(metric.sign * *standing.score) : "undefined");
  if (standing.error) text += " (standard error " + fixed(*standing.error) + ')';
  if (standing.baseline) text += ", " + standing.baseline->name + ' ' + fixed(metric.sign * standing.baseline->score);
  if (standing.dense) text += ", dense " + fixed(metric.sign * *standing.dense);
  return text;
}

}  // namespace finetune
