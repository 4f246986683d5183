// SPDX-License-Identifier: Apache-2.0
#include <pst/core/error.hpp>

#include <iomanip>
#include <iostream>
#include <memory>
#include <utility>

#include "common/files.hpp"
#include "common/progress.hpp"
#include "finetune/commands/command.hpp"
#include "finetune/commands/command_line.hpp"
#include "finetune/commands/model_source.hpp"
#include "finetune/evaluate/predictions.hpp"
#include "finetune/export/output_folder.hpp"
#include "finetune/export/tasks_on_base.hpp"
#include "finetune/methods/methods.hpp"
#include "finetune/tasks/text_lines.hpp"

namespace finetune {

namespace {

namespace fs = std::filesystem;

struct ClassifyOptions {
  ModelSource source;
  std::vector<std::string> task_files;
  std::vector<std::string> sentences;
  fs::path file, out;
  bool overwrite = false;
  std::size_t batch = 32;
  index_t max_length = 0;
  int threads = 1;
};

constexpr index_t usual_length = 128;  ///< where no run says how long sentences were

/// The sentences, or pairs with a tab between, that are asked about.
class Sentences {
 public:
  void add(std::string_view line, std::string row, const std::string& place) {
    const std::size_t tab = line.find('\t');
    const bool is_pair = tab != std::string_view::npos;
    pst::require(!is_pair || line.find('\t', tab + 1) == std::string_view::npos, place,
                 ": has two tabs, expected a sentence, or two with a tab between");
    pst::require(data_.examples.empty() || is_pair == are_pairs_, place, ": is ", is_pair ? "a pair" : "one sentence",
                 ", expected ", are_pairs_ ? "a pair with a tab between" : "one sentence", " as before");
    are_pairs_ = is_pair;
    data_.examples.push_back({.first = std::string{line.substr(0, tab)}, .row = std::move(row)});
    if (is_pair) data_.examples.back().second = line.substr(tab + 1);
  }
  [[nodiscard]] const TaskData& data() const noexcept { return data_; }
  [[nodiscard]] bool are_pairs() const noexcept { return are_pairs_; }

 private:
  TaskData data_{.labelled = false};
  bool are_pairs_ = false;
};

Sentences read_asked(const ClassifyOptions& options) {
  Sentences asked;
  for (std::size_t i = 0; i < options.sentences.size(); ++i)
    asked.add(options.sentences[i], std::to_string(i + 1), "--sentence " + std::to_string(i + 1));
  if (options.file.empty()) return asked;
  for (TextLines lines{options.file}; lines.next();)
    if (!lines.line().empty()) asked.add(lines.line(), std::to_string(lines.number()), lines.place());
  pst::require(!asked.data().examples.empty(), options.file.string(), ": holds no sentences, expected one a line");
  return asked;
}

/// What is asked, as a task whose classes are the labels of the model.
Task task_of(const ModelConfig& config, bool are_pairs) {
  Task task{.name = "classify"};
  const bool is_number = config.objective == Objective::regression;
  task.kind = is_number ? TaskKind::regression : are_pairs ? TaskKind::pair : TaskKind::single;
  if (are_pairs) task.columns.second = {"second"};
  if (!is_number)
    for (const std::string& label : config.labels) task.labels.push_back({label, label});
  return task;
}

/// What a model says of what is asked.
struct ModelAnswers {
  Task task;
  Evaluation found;
};
ModelAnswers model_answers_of(Model& model, const Sentences& asked, const Tokenizer& tokenizer,
                              const ClassifyOptions& options, index_t max_length, const std::string& title) {
  const ModelConfig& config = model.config();
  pst::require(config.objective != Objective::language_model,
               "the model writes text, expected a BERT or RoBERTa with a task head: see generate");
  ModelAnswers answers{.task = task_of(config, asked.are_pairs()), .found = {}};
  const std::vector<Sequence> sequences = encode(answers.task, asked.data(), tokenizer, config, max_length);
  common::Progress progress{title, static_cast<long>(sequences.size())};
  answers.found = evaluate(model, answers.task, sequences, options.batch,
                           [&](std::size_t done) { progress.show(static_cast<long>(done), "sentences"); });
  progress.close();
  return answers;
}

std::vector<std::string> rows_of(const Sentences& asked) {
  std::vector<std::string> rows;
  for (const Example& example : asked.data().examples) rows.push_back(example.row);
  return rows;
}

/// One model: the probabilities and scores of all classes.
std::string classify_by_model(const ClassifyOptions& options, const Sentences& asked) {
  const OpenedModel opened = open_model(options.source, true);
  use_threads(options.threads);
  pst::require(opened.made_new.empty(), opened.folder.string(), ": has no tensor \"",
               opened.made_new.empty() ? "" : opened.made_new.front(), "\", so it has not been trained for a task yet");
  const index_t own_length = opened.settings ? opened.settings->max_length : usual_length;
  const ModelAnswers answers =
      model_answers_of(*opened.model, asked, *opened.tokenizer, options,
                       options.max_length > 0 ? options.max_length : own_length, "classifying");
  std::vector<PredictedClass> classes;
  for (const Label& label : answers.task.labels) classes.push_back({label.in_file, label.name});
  return predictions_text("line", rows_of(asked), classes, answers.found);
}

/// Several tasks on one base: what each of them says.
std::string classify_by_tasks(const ClassifyOptions& options, const Sentences& asked) {
  TasksOnBase tasks{options.source.base};
  for (const std::string& file : options.task_files) tasks.add(fs::path{file}.stem().string(), file);
  const Tokenizer tokenizer = load_tokenizer(options.source.base);
  use_threads(options.threads);
  std::cerr << std::fixed << std::setprecision(2) << "in memory: " << static_cast<double>(tasks.base_bytes()) / 1e6
            << " MB of the base, once";
  for (const std::string_view name : tasks.names())
    std::cerr << ", " << static_cast<double>(tasks.own_bytes(name)) / 1e6 << " MB of " << name;
  std::cerr << '\n';
  std::vector<TaskAnswers> columns;
  for (const std::string_view name : tasks.names()) {
    ModelAnswers answers =
        model_answers_of(tasks[name], asked, tokenizer, options,
                         options.max_length > 0 ? options.max_length : usual_length, std::string{name});
    std::vector<std::string> classes;
    for (const Label& label : answers.task.labels) classes.emplace_back(label.name);
    columns.push_back({std::string{name}, std::move(classes), std::move(answers.found)});
  }
  return answers_text("line", rows_of(asked), columns);
}

int classify(const ClassifyOptions& options) {
  if (!options.out.empty()) check_output_file(options.out, "--out", options.overwrite);
  const Sentences asked = read_asked(options);
  const bool is_one = options.task_files.size() < 2;
  const std::string text = is_one ? classify_by_model(options, asked) : classify_by_tasks(options, asked);
  if (options.out.empty())
    std::cout << text;
  else
    common::write_file(options.out, text);
  return 0;
}

}  // namespace

Run add_classify(CLI::App& program) {
  CLI::App* const command = program.add_subcommand(
      "classify",
      "Say the class of each sentence, or pair of them, with probabilities; no task is needed. Several task files are "
      "asked on one base, which is in memory once.");
  command->option_defaults()->always_capture_default();
  const auto options = std::make_shared<ClassifyOptions>();
  add_model_options(*command, options->source, &options->task_files);
  CLI::Option_group* const group = command->add_option_group("Asked", "one of");
  add_repeated(*group, "--sentence", options->sentences,
               "a sentence, or two with a tab between; may stand several times");
  group->add_option("--sentences", options->file, "file with such sentences, one a line")->check(CLI::ExistingFile);
  group->require_option(1);
  command->add_option("--out", options->out,
                      "file for the table: line, prediction, probabilities and scores; without, it goes to stdout");
  command->add_flag("--overwrite", options->overwrite, "write --out though it exists");
  command->add_option("--batch", options->batch, "sentences asked together")->check(CLI::Range(1, 65536));
  command
      ->add_option("--max-length", options->max_length, "tokens to which sentences are cut; 0: as in the run, or 128")
      ->check(at_least_zero);
  command->add_option("--threads", options->threads, "of compressed weights")->check(CLI::Range(1, 1024));
  return [options] {
    if (options->task_files.size() == 1) options->source.task_file = options->task_files.front();
    return classify(*options);
  };
}

}  // namespace finetune
