// SPDX-License-Identifier: Apache-2.0
#include "finetune/generate/generate.hpp"

#include <pst/core/error.hpp>
#include <pst/io/tensor_entry.hpp>

#include <chrono>
#include <iomanip>
#include <iostream>
#include <memory>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/files.hpp"
#include "common/progress.hpp"
#include "finetune/commands/command.hpp"
#include "finetune/commands/command_line.hpp"
#include "finetune/commands/model_source.hpp"
#include "finetune/data/sequences.hpp"
#include "finetune/export/output_folder.hpp"
#include "finetune/generate/end_tokens.hpp"
#include "finetune/tasks/scores.hpp"
#include "finetune/tasks/text_lines.hpp"
#include "finetune/train/interrupt.hpp"

namespace finetune {

namespace {

namespace fs = std::filesystem;

struct GenerateOptions {
  ModelSource source;
  std::vector<std::string> prompts;
  fs::path prompts_file;
  std::string task, part = "test";
  fs::path data, out;
  bool overwrite = false;
  std::size_t limit = 0;  ///< of the meanings of a task; 0: all
  std::size_t at_once = 8;
  std::string recipe, early_stopping = "no";
  GenerationSettings settings;
};

/// What a sentence is written for.
struct Asked {
  Meaning meaning;       ///< the prompt, or a meaning of a task
  std::vector<int> ids;  ///< what the model is given
};

/// `longest`: the tokens that the model reads at most.
std::vector<Asked> asked_of_task(const GenerateOptions& options, const Task& task, const Tokenizer& tokenizer,
                                 index_t longest) {
  pst::require(task.kind == TaskKind::generation, "the task ", task.name,
               " has no meanings to write sentences for, expected e2e, webnlg or dart");
  const TaskPart part = options.part == "train" ? TaskPart::train
                        : options.part == "dev" ? TaskPart::dev
                                                : TaskPart::test;
  std::vector<Asked> asked;
  for (TaskData& data : load_task(task, options.data, part))
    for (Meaning& meaning : data.meanings) {
      if (options.limit > 0 && asked.size() == options.limit) return asked;
      std::vector<int> ids = prompt_of(meaning, tokenizer);
      pst::require(static_cast<index_t>(ids.size()) < longest, "the meaning \"", pst::io::printable(meaning.text),
                   "\" in ", options.data.string(), " has ", ids.size(), " tokens, the model reads at most ", longest,
                   " with the sentence: take it out of the file");
      asked.push_back({std::move(meaning), std::move(ids)});
    }
  return asked;
}

/// Those of the command line, or the lines of a file that are not empty.
std::vector<Asked> asked_of_prompts(const GenerateOptions& options, const Tokenizer& tokenizer, index_t longest) {
  std::vector<Asked> asked;
  const auto add = [&](std::string_view prompt, const std::string& place) {
    asked.push_back({{std::string{prompt}, {}}, tokenizer.tokens_of(prompt)});
    const std::size_t count = asked.back().ids.size();
    pst::require(count > 0 && static_cast<index_t>(count) < longest, place, ": has ", count, " tokens, expected 1 to ",
                 longest - 1, ", because the model reads at most ", longest);
  };
  for (std::size_t i = 0; i < options.prompts.size(); ++i) add(options.prompts[i], "--prompt " + std::to_string(i + 1));
  if (options.prompts_file.empty()) return asked;
  for (TextLines lines{options.prompts_file}; lines.next();)
    if (!lines.line().empty()) add(lines.line(), lines.place());
  pst::require(!asked.empty(), options.prompts_file.string(), ": holds no prompts, expected one a line");
  return asked;
}

/// A sentence about a task ends as training has it end, too.
std::vector<int> ends_of(const OpenedModel& opened, bool is_task) {
  std::vector<int> ends = end_tokens(opened.folder, opened.model->config(), *opened.tokenizer);
  const int own = opened.tokenizer->special().end;
  if (is_task && own != no_token && std::ranges::find(ends, own) == ends.end()) ends.push_back(own);
  return ends;
}

/// The continuations of all that is asked.
struct Answers {
  std::vector<Continuation> continuations;
  std::optional<Interrupted> interrupted;  ///< then those that were not finished are empty
};

/// With progress on stderr.
Answers answers(const GenerateOptions& options, Model& model, const std::vector<Asked>& asked) {
  std::vector<std::vector<int>> prompts;
  for (const Asked& each : asked) prompts.push_back(each.ids);
  const InterruptGuard interrupt;
  common::Progress progress{"generating", static_cast<long>(asked.size()), 0, "sentences"};
  const auto start = std::chrono::steady_clock::now();
  std::vector<Continuation> made = generate(model, prompts, options.settings, options.at_once, [&](std::size_t done) {
    progress.show(static_cast<long>(done), std::to_string(done) + " of " + std::to_string(asked.size()));
    return !interrupt.asked().has_value();
  });
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
  std::size_t finished = 0, tokens = 0, cut = 0;
  for (const Continuation& each : made) {
    if (each.ids.empty()) continue;
    ++finished;
    tokens += each.ids.size();
    cut += is_end(options.settings, each.ids.back()) ? 0 : 1;
  }
  std::ostringstream line;
  line << finished << " sentences of " << tokens << " tokens in " << std::fixed << std::setprecision(1)
       << passed.count() << " s";
  if (cut > 0)
    line << ", " << cut << " of them cut before their end by --max-new-tokens (" << options.settings.max_new_tokens
         << ") or the model's " << model.config().longest() << " positions";
  progress.say(line.str());
  return {std::move(made), interrupt.asked()};
}

/// A line of JSON for each sentence.
std::string lines_of(const std::vector<Asked>& asked, const std::vector<std::string>& texts, bool is_task) {
  std::string lines;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    nlohmann::ordered_json line;
    line[is_task ? "meaning" : "prompt"] = asked[i].meaning.text;
    line["text"] = texts[i];
    if (is_task) line["references"] = asked[i].meaning.references;
    lines += line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
  }
  return lines;
}

void print_scores(std::ostream& out, const Task& task, const std::vector<Asked>& asked,
                  const std::vector<std::string>& texts) {
  std::vector<Generated> sentences;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (asked[i].meaning.references.empty()) {
      std::cerr << "no scores: the " << task.name << " file has meanings without references\n";
      return;
    }
    sentences.push_back({texts[i], asked[i].meaning.references});
  }
  for (const Score& score : score_sentences(task, sentences))
    out << std::left << std::setw(10) << score.name << ' ' << text_of(score) << '\n';
}

void write_lines(const fs::path& out, const std::string& lines) {
  if (out.empty())
    std::cout << lines << std::flush;
  else if (!lines.empty())
    common::write_file(out, lines);
}

int write_sentences(const GenerateOptions& options) {
  if (!options.out.empty()) check_output_file(options.out, "--out", options.overwrite);
  const Task* const task = options.task.empty() ? nullptr : &find_task(options.task);
  const OpenedModel opened = open_model(options.source, true);
  const Tokenizer& tokenizer = *opened.tokenizer;
  if (task != nullptr) check_fits(*task, tokenizer, opened.model->config());
  pst::require(opened.model->config().objective == Objective::language_model,
               "the model does not write sentences, expected a GPT-2");
  std::vector<Asked> asked = task != nullptr
                                 ? asked_of_task(options, *task, tokenizer, opened.model->config().longest())
                                 : asked_of_prompts(options, tokenizer, opened.model->config().longest());
  GenerateOptions resolved = options;
  resolved.settings.ends = ends_of(opened, task != nullptr);

  const auto [made, interrupted] = answers(resolved, *opened.model, asked);
  std::vector<Asked> answered;
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < made.size(); ++i) {
    if (made[i].ids.empty()) continue;
    const std::string text = tokenizer.decode(made[i].ids);
    texts.emplace_back(task != nullptr ? trimmed(text) : std::string_view{text});
    answered.push_back(std::move(asked[i]));
  }
  write_lines(options.out, lines_of(answered, texts, task != nullptr));
  if (interrupted && answered.size() < made.size()) {
    std::cerr << "interrupted: " << answered.size() << " of " << made.size() << " sentences are written\n";
    return interrupted->exit_code();
  }
  if (task != nullptr) print_scores(options.out.empty() ? std::cerr : std::cout, *task, answered, texts);
  return 0;
}

void add_search_options(CLI::App& command, GenerateOptions& options) {
  GenerationSettings& settings = options.settings;
  command.add_option("--recipe", options.recipe, "paper: 10 beams, length penalty 0.8, no four tokens twice")
      ->check(CLI::IsMember({"paper"}));
  command.add_option("--max-new-tokens", settings.max_new_tokens, "of a sentence, its end among them")
      ->check(CLI::Range(1, 1'000'000'000));
  command.add_option("--beams", settings.beams, "1: the likeliest token each time")->check(CLI::Range(1, 1000));
  command.add_option("--length-penalty", settings.length_penalty,
                     "with beams: a log-likelihood is divided by its length to this power");
  command.add_option("--no-repeat", settings.no_repeat_ngram, "so many tokens never occur twice in a row; 0: they may")
      ->check(at_least_zero);
  command.add_option("--early-stopping", options.early_stopping, "with beams: as in transformers")
      ->check(CLI::IsMember({"no", "yes", "never"}));
  command.add_flag("--sample", settings.sample, "draw tokens instead");
  command.add_option("--temperature", settings.temperature, "of drawing")->check(CLI::Range(1e-6, 1e6));
  command.add_option("--top-k", settings.top_k, "draw one of so many likeliest tokens; 0: of all")
      ->check(at_least_zero);
  command
      .add_option("--top-p", settings.top_p, "draw one of the likeliest tokens that have this share together, above 0")
      ->check(CLI::Range(0.0, 1.0));
  command.add_option("--seed", settings.seed, "of drawing")->check(at_least_zero);
}

void resolve(const CLI::App& command, GenerateOptions& options) {
  GenerationSettings& settings = options.settings;
  settings.early_stopping = options.early_stopping == "yes"     ? EarlyStopping::yes
                            : options.early_stopping == "never" ? EarlyStopping::never
                                                                : EarlyStopping::no;
  if (options.recipe.empty()) return;
  const GenerationSettings paper = paper_generation();
  if (command.count("--beams") == 0) settings.beams = paper.beams;
  if (command.count("--length-penalty") == 0) settings.length_penalty = paper.length_penalty;
  if (command.count("--no-repeat") == 0) settings.no_repeat_ngram = paper.no_repeat_ngram;
}

}  // namespace

Run add_generate(CLI::App& program) {
  CLI::App* const command = program.add_subcommand(
      "generate", "Let a GPT-2 go on with prompts, or write a sentence for each meaning of a task and score them.");
  command->option_defaults()->always_capture_default();
  const auto options = std::make_shared<GenerateOptions>();
  add_model_options(*command, options->source);
  CLI::Option_group* const group = command->add_option_group("Asked", "one of");
  add_repeated(*group, "--prompt", options->prompts, "text to go on with, as it is typed; may stand several times");
  group->add_option("--prompts", options->prompts_file, "file with such texts, one a line")->check(CLI::ExistingFile);
  CLI::Option* const task = group->add_option("--task", options->task, "e2e, webnlg or dart");
  group->require_option(1);
  CLI::Option* const data =
      command->add_option("--data", options->data, "the folder of the task's files")->check(CLI::ExistingDirectory);
  task->needs(data);
  data->needs(task);
  command->add_option("--part", options->part, "of the task")->check(CLI::IsMember({"train", "dev", "test"}));
  command->add_option("--limit", options->limit, "only the first meanings of the task; 0: all")->check(at_least_zero);
  command->add_option(
      "--out", options->out,
      "file for the sentences, a JSON object a line; scores go to stdout then. Without, sentences go to "
      "stdout and scores to stderr");
  command->add_flag("--overwrite", options->overwrite, "write --out though it exists");
  command->add_option("--batch", options->at_once, "prompts side by side")->check(CLI::Range(1, 4096));
  add_search_options(*command, *options);
  return [command, options] {
    resolve(*command, *options);
    return write_sentences(*options);
  };
}

}  // namespace finetune
