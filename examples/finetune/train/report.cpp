// SPDX-License-Identifier: Apache-2.0
#include "finetune/train/report.hpp"

#include <array>
#include <cstdio>
#include <optional>

#include <nlohmann/json.hpp>

#include "common/json_number.hpp"
#include "common/memory.hpp"
#include "finetune/evaluate/shown_metric.hpp"
#include "finetune/train/sparse_folder.hpp"
#include "finetune/train/training_step.hpp"

namespace finetune {

namespace {

std::string fixed(double value, int digits) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", digits, value);
  return text.data();
}
std::string percent(index_t part, index_t whole) {
  return fixed(whole > 0 ? 100.0 * static_cast<double>(part) / static_cast<double>(whole) : 0.0, 2) + " %";
}
const char* name_of(Architecture architecture) {
  return architecture == Architecture::bert ? "BERT" : architecture == Architecture::roberta ? "RoBERTa" : "GPT-2";
}
std::string score_text(std::optional<double> score, const ShownMetric& metric) {
  return score ? fixed(metric.sign * *score, 4) : "none";
}

void print_data(std::ostream& out, const Settings& settings, const TrainingData& data) {
  index_t tokens = 0;
  for (const Sequence& sequence : data.train) tokens += sequence.length();
  out << "data     " << settings.task << ": " << grouped(static_cast<std::int64_t>(data.train.size()))
      << " training sequences of " << fixed(static_cast<double>(tokens) / static_cast<double>(data.train.size()), 1)
      << " tokens on average";
  for (const DevSet& dev : data.dev)
    out << ", " << grouped(static_cast<std::int64_t>(dev.sequences.size())) << " dev sequences"
        << (dev.title.empty() ? "" : " (" + dev.title + ")");
  out << '\n';
  for (const std::string& remark : data.remarks) out << "         " << remark << '\n';
}

}  // namespace

std::string grouped(std::int64_t number) {
  const std::string digits = std::to_string(number);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const bool is_first = i == 0 || digits[i - 1] == '-';
    if (!is_first && (digits.size() - i) % 3 == 0) text += ' ';
    text += digits[i];
  }
  return text;
}

void print_opening(std::ostream& out, const Settings& settings, BaseModel& base, const TrainingData& data) {
  Model& model = *base.loaded.model;
  const ModelConfig& config = model.config();
  const ParameterCounts counts = count_parameters(model, settings);
  out << "model    " << name_of(config.architecture) << ", " << config.blocks << " blocks of width " << config.width
      << ": " << grouped(counts.model) << " parameters, " << grouped(counts.prunable)
      << " of them weights of the linear layers inside the blocks\n";
  if (const std::string remark = sparse_folder_remark(zeros_given(model), settings.method); !remark.empty())
    out << "sparse   " << remark << '\n';
  out << "trains   " << grouped(counts.trainable) << " numbers: " << percent(counts.trainable, counts.model)
      << " of the model, " << percent(counts.trainable, 2 * counts.prunable)
      << " of the weights and scores that movement pruning trains\n         (";
  for (const auto& [name, count] : counts.parts)
    out << (name == counts.parts.front().first ? "" : ", ") << name << ' ' << grouped(count);
  out << ")\n";
  if (counts.at_rest > 0)
    out << "         " << (has_gates(settings.method) ? "behind the gated part " : "at the last sparsity ")
        << grouped(counts.at_rest) << ": " << percent(counts.at_rest, counts.model) << " of the model, with "
        << (has_gates(settings.method) ? "the largest changes alone\n"
                                       : "kept weights in place of updates and scores\n");
  for (const std::string& remark : base.remarks) out << "         " << remark << '\n';
  print_data(out, settings, data);
  for (const std::string& name : base.loaded.made_new)
    out << "new      " << name << ": not in the folder, begins with random numbers\n";
  if (const std::string remark = other_labels(find_task(settings.task), base.loaded.labels); !remark.empty())
    out << "warning  " << remark << ": training goes on from the head in the folder, give --new-head for a new one\n";
  if (!base.loaded.unused.empty())
    out << "unused   " << base.loaded.unused.size() << " tensors of the folder, as " << base.loaded.unused.front()
        << '\n';
}

void print_table(std::ostream& out, const Settings& settings, const ParameterCounts& counts,
                 const TrainResult& result) {
  const ShownMetric metric = shown(result.metric);
  const std::string head = "| method | task | " + metric.name +
                           " best | at step | last | sparsity % | trainable | of model | " +
                           "ms/step | tokens/s | peak MB | minutes |";
  out << head << "\n|--------|------|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n| " << settings.method.name
      << " | " << settings.task << " | " << score_text(result.best, metric) << " | " << result.best_step << " | "
      << score_text(result.last, metric) << " | " << fixed(100 * result.sparsity, 2) << " | "
      << grouped(counts.trainable) << " | " << percent(counts.trainable, counts.model) << " | "
      << fixed(result.step_ms, 1) << " | " << fixed(result.tokens_per_second, 0) << " | "
      << fixed(common::MemoryMark::peak_mb(), 0) << " | " << fixed(result.seconds / 60, 1) << " |\n";
}

std::string result_text(const Settings& settings, const ParameterCounts& counts, const TrainResult& result,
                        std::optional<double> dense) {
  const Verdict verdict = verdict_on(settings, result, dense);
  nlohmann::ordered_json json{{"method", settings.method.name},
                              {"task", settings.task},
                              {"metric", result.metric},
                              {"best", common::number_or_null(result.best)},
                              {"best_step", result.best_step},
                              {"standard_error", common::number_or_null(result.best_error)},
                              {"baseline", nullptr},
                              {"before_pruning", common::number_or_null(result.before_pruning)},
                              {"dense", common::number_or_null(dense)},
                              {"learnt", verdict.learnt},
                              {"verdict", verdict.sentence},
                              {"last", common::number_or_null(result.last)},
                              {"sparsity", result.sparsity},
                              {"train_sequences", result.train_sequences},
                              {"step", result.step},
                              {"steps", result.steps},
                              {"trainable", counts.trainable},
                              {"trainable_at_rest", counts.at_rest},
                              {"parameters", counts.model},
                              {"prunable", counts.prunable},
                              {"step_ms", result.step_ms},
                              {"tokens_per_second", result.tokens_per_second},
                              {"peak_mb", common::MemoryMark::peak_mb()},
                              {"seconds", result.seconds},
                              {"stopped", result.stopped}};
  if (result.baseline) json["baseline"] = {{"name", result.baseline->name}, {"score", result.baseline->score}};
  return json.dump(1) + '\n';
}

}  // namespace finetune
