// SPDX-License-Identifier: Apache-2.0
#include <pst/core/error.hpp>

#include <iomanip>
#include <iostream>
#include <memory>
#include <optional>

#include "common/files.hpp"
#include "finetune/commands/command.hpp"
#include "finetune/commands/model_source.hpp"
#include "finetune/evaluate/baseline.hpp"
#include "finetune/evaluate/predictions.hpp"
#include "finetune/evaluate/timed.hpp"
#include "finetune/export/check.hpp"
#include "finetune/export/compressed_body.hpp"
#include "finetune/export/output_folder.hpp"
#include "finetune/methods/methods.hpp"
#include "finetune/tasks/own_classes.hpp"
#include "finetune/train/verdict.hpp"

namespace finetune {

namespace fs = std::filesystem;

namespace {

struct EvalOptions {
  ModelSource source;
  std::string task;
  fs::path data;
  std::string part = "dev";
  std::string weights = "both";
  std::size_t batch = 32;
  index_t max_length = 0;
  std::size_t limit = 0;
  int threads = 1;
  fs::path predictions;
  fs::path dense_result;
  bool overwrite = false;
};

/// The model to ask, and what goes with it.
struct Subject {
  std::unique_ptr<Model> model;
  Tokenizer tokenizer;
  bool is_archive = false;
};

Subject load_subject(EvalOptions& options) {
  OpenedModel opened = open_model(options.source, true);
  pst::require(opened.made_new.empty(), options.source.model.string(), ": has no tensor \"",
               opened.made_new.empty() ? "" : opened.made_new.front(), "\", so it has not been trained for a task yet");
  if (opened.settings) {
    if (options.task.empty()) options.task = opened.settings->task;
    if (options.data.empty()) options.data = opened.settings->data;
    if (options.max_length == 0) options.max_length = opened.settings->max_length;
  }
  return {std::move(opened.model), std::move(*opened.tokenizer), !options.source.archive.empty()};
}

/// One way to hold the weights, and how it did.
struct Contender {
  std::string name;
  std::unique_ptr<Model> model;
  TimedEvaluation asked = {};
};

std::vector<Contender> contenders(const EvalOptions& options, Subject subject) {
  std::vector<Contender> list;
  if (options.weights != "compressed") list.push_back({"dense", densified(*subject.model)});
  if (options.weights == "dense") return list;
  list.push_back({"compressed", subject.is_archive ? std::move(subject.model) : compressed(*subject.model)});
  return list;
}

void print_table(const std::vector<Contender>& list, const std::string& title, std::size_t count) {
  std::cout << "| " << (title.empty() ? "weights" : title) << " |";
  for (const Score& score : list.front().asked.found.scores) std::cout << ' ' << score.name << " |";
  std::cout << " loss | ms per sentence | MB of linear layers |\n|---|";
  for (std::size_t i = 0; i < list.front().asked.found.scores.size() + 3; ++i) std::cout << "--:|";
  std::cout << '\n';
  for (const Contender& each : list) {
    std::cout << "| " << each.name << " |" << std::fixed << std::setprecision(4);
    for (const Score& score : each.asked.found.scores) std::cout << ' ' << text_of(score) << " |";
    if (each.asked.found.loss)
      std::cout << ' ' << *each.asked.found.loss;
    else
      std::cout << " none";
    std::cout << " | " << std::setprecision(3) << each.asked.milliseconds << " | "
              << static_cast<double>(layer_bytes(*each.model)) / 1e6 << " |\n";
  }
  std::cout << std::defaultfloat << count << " sentences\n";
}

/// The score beside those of answers that look at no sentence, and of a dense model.
void print_standing(const Contender& contender, const Task& task, std::span<const Sequence> sequences,
                    std::optional<double> dense) {
  const Evaluation& found = contender.asked.found;
  const Standing standing{.metric = main_metric(task),
                          .score = main_score(task, found),
                          .error = standard_error(task, found, sequences),
                          .baseline = baseline_of(task, sequences, {}, 0),
                          .dense = dense};
  if (!found.loss) return;  // there are no labels
  std::cout << text_of(standing) << (has_learnt(standing) ? "" : ": has learnt nothing");
  if (const auto only = only_class(task, found)) std::cout << ", every prediction is \"" << *only << '"';
  std::cout << '\n';
}

/// Says in how many sentences two ways to hold the weights differ.
void print_agreement(std::vector<Contender>& list, const Task& task, std::span<const Sequence> sequences) {
  if (list.size() < 2) return;
  const std::vector<double>&one = list[0].asked.found.predictions, &other = list[1].asked.found.predictions;
  if (task.kind == TaskKind::single || task.kind == TaskKind::pair) {
    std::size_t changed = 0;
    for (std::size_t i = 0; i < one.size(); ++i) changed += one[i] != other[i] ? 1 : 0;
    std::cout << "dense and compressed weights give "
              << (changed == 0 ? "the same prediction for every sentence"
                               : "other predictions for " + std::to_string(changed) + " sentences")
              << '\n';
    return;
  }
  const auto some = sequences.first(std::min<std::size_t>(sequences.size(), 256));
  const AnswerDifference found = compare_answers(*list[0].model, *list[1].model, some);
  std::cout << "logits of dense and compressed weights are at most " << found.logits
            << " apart, relative to the largest, in " << found.sequences << " sentences\n";
}

/// Where the predictions for one of the task's files go.
fs::path predictions_file(const EvalOptions& options, const TaskData& data) {
  fs::path path = options.predictions;
  if (!data.title.empty()) path += "." + data.title;
  return path;
}

/// With the numbers that the rows have in the task's file, and classes as it writes them.
std::string predictions_of(const Task& task, const TaskData& data, const Evaluation& found) {
  std::vector<std::string> rows;
  for (const Example& example : data.examples) rows.push_back(example.row);
  std::vector<PredictedClass> classes;
  for (const Label& label : task.labels) classes.push_back({label.in_file, label.name});
  return predictions_text("index", rows, classes, found);
}

std::vector<Sequence> read_sequences(const EvalOptions& options, const Task& task, const TaskData& data,
                                     const Subject& subject) {
  std::vector<Sequence> sequences = encode(task, data, subject.tokenizer, subject.model->config(), options.max_length);
  if (data.skipped > 0)
    std::cerr << data.skipped << " rows" << (data.title.empty() ? "" : " of " + data.title)
              << " are skipped and have no prediction, the first: " << data.first_skipped << '\n';
  if (options.limit > 0 && sequences.size() > options.limit) sequences.resize(options.limit);
  return sequences;
}

int eval(EvalOptions options) {
  Subject subject = load_subject(options);
  use_threads(options.threads);  // whatever the run had
  if (options.max_length == 0) options.max_length = 128;
  pst::require(!options.task.empty() && !options.data.empty(),
               "--task and --data are missing: only --run knows what it was trained for");
  options.task = with_own_labels(options.task, subject.model->config().labels);
  const Task& task = find_task(options.task);
  if (const std::string remark = other_labels(task, subject.model->config().labels); !remark.empty())
    std::cerr << "warning: " << remark << ": was it trained for this task?\n";
  pst::require(options.predictions.empty() || !is_language_model(task),
               "--predictions is for tasks with labels or numbers: generate writes sentences");
  const auto files = load_task(task, options.data, options.part == "dev" ? TaskPart::dev : TaskPart::test);
  if (!options.predictions.empty())
    for (const TaskData& file : files)
      check_output_file(predictions_file(options, file), "--predictions", options.overwrite);
  std::optional<double> dense;
  if (!options.dense_result.empty()) dense = read_best_score(options.dense_result, options.task);
  std::vector<std::vector<Sequence>> sequences;
  for (const TaskData& file : files) sequences.push_back(read_sequences(options, task, file, subject));

  std::vector<Contender> list = contenders(options, std::move(subject));
  std::cerr << "threads: dense " << Eigen::nbThreads() << ", compressed " << options.threads << '\n';
  for (std::size_t i = 0; i < files.size(); ++i) {
    for (Contender& each : list)
      each.asked = evaluate_timed(*each.model, task, sequences[i], options.batch, each.name, "sentences");
    print_table(list, files[i].title, sequences[i].size());
    print_standing(list.back(), task, sequences[i], dense);
    print_agreement(list, task, sequences[i]);
    if (options.predictions.empty()) continue;
    const fs::path path = predictions_file(options, files[i]);
    common::write_file(path, predictions_of(task, files[i], list.back().asked.found));
    std::cerr << "predictions are in " << path.string() << '\n';
  }
  return 0;
}

}  // namespace

Run add_eval(CLI::App& program) {
  CLI::App* const command = program.add_subcommand(
      "eval", "Ask a model about data whose answers are known, with dense and compressed weights.");
  command->option_defaults()->always_capture_default();
  const auto options = std::make_shared<EvalOptions>();
  add_model_options(*command, options->source);
  command->add_option("--task", options->task, "as in train; default: that of the run");
  command->add_option("--data", options->data, "the folder of the task's files; default: that of the run")
      ->check(CLI::ExistingPath);
  command->add_option("--part", options->part, "which files")->check(CLI::IsMember({"dev", "test"}));
  command->add_option("--weights", options->weights, "how weights are held")
      ->check(CLI::IsMember({"both", "dense", "compressed"}));
  command->add_option("--batch", options->batch, "sentences asked together")->check(CLI::Range(1, 65536));
  command->add_option("--max-length", options->max_length,
                      "tokens to which sentences are cut; 0: as in the run, or 128");
  command->add_option("--limit", options->limit, "the first so many sentences alone; 0: all")->check(at_least_zero);
  command->add_option("--threads", options->threads, "of compressed weights; dense ones have one")
      ->check(CLI::Range(1, 1024));
  command
      ->add_option("--dense-result", options->dense_result,
                   "the folder of a run of a dense model on the same task, to compare the score with")
      ->check(CLI::ExistingDirectory);
  CLI::Option* const predictions = command->add_option("--predictions", options->predictions,
                                                       "file to write: for each row its number in the task's file, "
                                                       "the class, probabilities and scores");
  command->add_flag("--overwrite", options->overwrite, "write --predictions though it exists")->needs(predictions);
  return [options] { return eval(*options); };
}

}  // namespace finetune
