// SPDX-License-Identifier: Apache-2.0
#include "finetune/commands/train_options.hpp"

#include <pst/core/error.hpp>

#include <charconv>
#include <cmath>
#include <memory>
#include <sstream>
#include <string>
#include <system_error>

#include "finetune/commands/command.hpp"
#include "finetune/methods/adapters.hpp"
#include "finetune/methods/method_options.hpp"
#include "finetune/methods/methods.hpp"
#include "finetune/model/config.hpp"
#include "finetune/tasks/own_classes.hpp"
#include "finetune/tasks/task.hpp"
#include "finetune/train/recipe.hpp"

namespace finetune {

namespace {

std::string named(const auto& list) {
  std::string names;
  for (const auto& each : list) names.append(names.empty() ? "" : ", ").append(each.name);
  return names;
}

/// What the options of a search say, as text: the number or the list that they hold is not known before.
struct SearchText {
  std::string sparsity, lose_at_most, dense_rate;
};

double number_in(const std::string& text, const char* option) {
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [read, error] = std::from_chars(text.data(), end, number);
  pst::require(error == std::errc{} && read == end && std::isfinite(number), option, ": ", text,
               " is no number, expected one as 0.9",
               std::string_view{option} == "--sparsity" ? ", or 0.5,0.7,0.9" : "");
  return number;
}

/// One sparsity is that of the run; several, or a limit of what is lost, are a search.
void read_search(TrainOptions& options, const SearchText& text) {
  std::vector<double> sparsities;
  std::istringstream list{text.sparsity};
  for (std::string each; std::getline(list, each, ',');) sparsities.push_back(number_in(each, "--sparsity"));
  pst::require(text.sparsity.empty() || !text.sparsity.ends_with(','), "--sparsity: ", text.sparsity,
               " ends with a comma, expected a number behind it");
  if (text.lose_at_most.empty() && sparsities.size() < 2) {
    pst::require(text.dense_rate.empty(),
                 "--dense-rate is given, but one sparsity is trained and no dense model: leave ",
                 "it out, or give --lose-at-most");
    if (!sparsities.empty()) options.settings.method.sparsity = sparsities.front();
    return;
  }
  if (!text.lose_at_most.empty()) options.lose_at_most = number_in(text.lose_at_most, "--lose-at-most");
  if (!text.dense_rate.empty()) options.dense_rate = number_in(text.dense_rate, "--dense-rate");
  options.sparsities = sparsities.empty() ? std::vector{0.5, 0.7, 0.8, 0.9} : sparsities;
}

std::string method_help() {
  std::ostringstream text;
  text << "how linear layers train:";
  for (const MethodInfo& info : methods()) {
    text << '\n' << info.name << ": " << info.description << "; trains " << info.trains << "; rate " << info.rate;
    if (info.score_rate != 1) text << ", " << info.score_rate << " times that for scores and gates";
    if (info.head_rate != 1) text << ", " << info.head_rate << " times that for pooler and head";
  }
  return text.str();
}

std::string adapter_help() {
  std::string text =
      "what stands in every block besides, or in front of sequences, with any method; several with commas between "
      "(prefix,parallel is MAM):";
  for (const AdapterInfo& info : adapters()) text.append("\n").append(info.name).append(": ").append(info.description);
  return text;
}

void add_run_options(CLI::App& command, TrainOptions& options) {
  Settings& settings = options.settings;
  command.add_option("--model", settings.model, "a Hugging Face folder")->required()->check(CLI::ExistingDirectory);
  command
      .add_option("--task", settings.task,
                  "one of " + named(tasks()) +
                      ", or sentences or pairs: a file with columns sentence (or sentence1, sentence2) and label, "
                      "its classes are its labels")
      ->required();
  command.add_option("--data", settings.data, "the folder of the task's files")->required()->check(CLI::ExistingPath);
  command.add_option("--out", options.out, "folder of the run; a run that is there with the same settings goes on");
  command.add_option("--to-folder", options.to_folder,
                     "then export the best state as a Hugging Face folder with exact zeros, read again and checked");
  command
      .add_option("--dense-result", options.dense_result,
                  "the folder of a run that has ended, of a dense model on the same task, to compare scores with")
      ->check(CLI::ExistingDirectory);
  command.add_flag("--dry-run", options.dry_run, "say what memory and time it takes, after a few steps, and stop");
  command.add_option("--recipe", options.recipe, "paper: its values where no option is given")
      ->check(CLI::IsMember({"paper"}));
  command.add_option("--seed", settings.seed, "of factors, a new head, the order of the data, and dropout")
      ->check(at_least_zero);
  command.add_option("--threads", settings.threads, "0: all cores; results are the same for any number");
  command.add_flag(
      "--recompute", settings.recompute,
      "compute each block again in backward: of all blocks but one, what they read alone stays in memory; a "
      "forward more a step; results are the same");
  command.add_option("--log-every", options.watch.log_every, "steps between two lines of metrics.jsonl")
      ->check(CLI::Range(1, 1000000000));
  command
      .add_option("--save-every", options.watch.save_every,
                  "steps between two saves; 0: before evaluations and every ten minutes")
      ->check(at_least_zero);
}

void add_method_options(CLI::App& command, Settings& settings, SearchText& text) {
  MethodSettings& method = settings.method;
  command.add_option("--method", method.name, method_help());
  command
      .add_option("--sparsity", text.sparsity,
                  "fraction of zeros to reach in the linear layers; several, as 0.5,0.7,0.9: each is trained, and the "
                  "sparsest that loses no more than --lose-at-most is the result")
      ->default_str("0.9");
  command
      .add_option("--lose-at-most", text.lose_at_most,
                  "points (hundredths of the score) that the sparsest model may be below a dense one, which is trained "
                  "first; without --sparsity 0.5,0.7,0.8,0.9 are tried")
      ->default_str("2");
  command.add_option("--dense-rate", text.dense_rate, "learning rate of that dense model")
      ->default_str("that of --method full");
  command.add_option("--schedule", method.schedule, "of the sparsity: cubic, linear or constant");
  command.add_option("--warmup", method.warmup, "fraction of the run before weights are pruned")->default_str("0.15");
  command.add_option("--cooldown", method.cooldown, "fraction of the run at the last sparsity")
      ->default_str("0.5, less beside a long --warmup");
  command.add_option("--delta-rank", method.delta_rank, "rank of U V");
  command.add_option("--score-rank", method.score_rank, "rank of A B");
  command.add_option("--delta-start", method.delta_start,
                     "of U V: per-weight (a rate is that of a weight), normal (as published) or kaiming (as in LoRA)");
  command.add_option("--score-factor-start", method.score_factor_start, "likewise of A B");
  command.add_option("--beta", method.beta, "scale of U V");
  command.add_option("--alpha1", method.alpha1, "scale of A B");
  command.add_option("--alpha2", method.alpha2, "scale of R + C");
  command.add_option("--weighted-by", method.weighted_by,
                     "what abs(W) counts by where weights are ranked: nothing (as published), inputs (Wanda) or both, "
                     "inputs and gradients of outputs, as they are while it trains");
  command.add_option("--scores", method.scores, "how scores learn: every, every-K, sample-K (one token in K), rest-P");
  command.add_option("--refresh", method.refresh, "when masks move: every, every-K, until-P");
  command.add_option("--straight-through", method.straight_through,
                     "what weights learn through the mask: reference, masked or dense");
  command.add_option("--penalty", method.penalty,
                     "of soft movement, until the sparsity is reached; 0: one that goes with the sparsity");
  command.add_option("--score-start", method.score_start,
                     "movement's scores begin at so many times abs(W); 0 as in its paper");
  command.add_option("--threshold", method.threshold, "masking keeps weights whose score is above it");
  command.add_option("--masked", method.masked, "fraction of the weights that masking leaves out at first");
  command.add_option("--gate-penalty", method.gate_penalty, "diff's penalty of each gate that is not shut");
  command.add_option(
      "--gated-part", method.gated_part,
      "share of the run in which diff's gates learn, which takes more memory than full fine-tuning; then "
      "the largest changes alone go on. 1: gates learn to the end");
  command.add_option("--kept-share", method.kept_share, "how many these are, as a share of all weights that it trains");
  command.add_option(
      "--modules", method.modules,
      "which modules train, with commas between: the end of a name (query), a common name (attn.q, attn.k, "
      "attn.v, attn.proj, ff.w1, ff.w2, attn.norm, ff.norm), re:EXPRESSION of the whole name; behind it "
      "the blocks: query@0-3, @last-2; none: all");
  command.add_option("--exclude", method.exclude, "which of these do not");
  command.add_option("--beside", method.beside, "what trains in them besides: biases, norms, both, or none")
      ->default_str("the method's");
  command.add_option("--adapter", method.adapter, adapter_help())->default_str("the method's");
  command.add_option(
      "--adapter-width", method.adapter_width,
      "hidden features of a bottleneck; 0: a 12th of the model's width, of pfeiffer a 16th, of compacter "
      "and low-rank a 32nd, rounded up to a multiple of --phm-dim, of an MLP that makes virtual tokens "
      "512");
  command.add_option("--adapter-rank", method.adapter_rank, "of the factors of compacter and low-rank; 0: 1");
  command.add_option("--phm-dim", method.phm_dim,
                     "n of compacter, whose weights are sums of n Kronecker products; divides both widths; 0: 4");
  command.add_option("--phm-rule", method.phm_rule, "the n x n matrices of compacter: shared by all adapters, or own")
      ->default_str("shared");
  command.add_option("--dimension", method.dimension,
                     "numbers that all weights are trained by, an intrinsic dimension; 0: 2000");
  command.add_flag("--said", method.said, "each weight has a scale of its own besides, which trains");
  command.add_option("--virtual-tokens", method.virtual_tokens, "of a prefix or prompt; 0: 20");
  command
      .add_option("--reparameterisation", method.reparameterisation,
                  "what makes virtual tokens: direct (they train themselves) or mlp (tanh in its middle; what it makes "
                  "is kept in the end)")
      ->default_str("direct");
  command
      .add_option("--prompt-start", method.prompt_start, "a prompt begins as words (vocabulary) or as N(0, 1) (normal)")
      ->default_str("vocabulary");
  command
      .add_option("--positions", method.positions,
                  "of real tokens: after the virtual ones, as in PEFT, or unchanged, as without them")
      ->default_str("after");
  command
      .add_option("--pooled", method.pooled,
                  "with a prompt, what a classifier pools: first-row, a virtual token, as in PEFT, or first-token")
      ->default_str("first-row");
  command.add_flag("--keep-mask", method.keep_mask,
                   "weights that are zero in the folder stay zero, all others are kept: for a model that is sparse");
  command.add_option(
      "--rest", method.rest,
      "what trains once the last sparsity is reached: kept (the update is added to the kept weights, "
      "which then train themselves, with a small part of the memory; a linear schedule reaches it at the end) or delta "
      "(the update goes on)");
  command.add_flag("--new-head", settings.new_head, "a task head in the folder is not read");
  command.add_flag("--fused", settings.together, "GPT-2's query, key and value are ranked together");
  command.add_flag("--train-embeddings", settings.train_embeddings, "tables of words, positions and types train too");
  command.add_flag("--reference", settings.reference,
                   "nothing trains but factors and scores, as in the authors' code: no head, bias or norm");
}

void add_training_options(CLI::App& command, Settings& settings) {
  command.add_option("--rate", settings.rate, "learning rate")->default_str("the method's");
  command.add_option("--score-rate", settings.score_rate, "times --rate, for scores and gates")
      ->default_str("the method's");
  command.add_option("--head-rate", settings.head_rate, "times --rate, for pooler and head")
      ->default_str("the method's");
  command.add_option("--token-rate", settings.token_rate, "times --rate, for virtual tokens")
      ->default_str("1 of a method of theirs, or else what makes 1e-2, of an MLP 1e-3");
  command.add_option("--rate-schedule", settings.rate_schedule, "linear (falls to 0) or constant");
  command.add_option("--rate-warmup", settings.rate_warmup, "fraction of the run in which the rate rises")
      ->default_str("0.06");
  command.add_option("--rate-warmup-steps", settings.warmup_steps, "the same in steps");
  command.add_option("--epsilon", settings.epsilon, "of AdamW");
  command.add_option("--weight-decay", settings.weight_decay, "biases and norms have none");
  command.add_option("--smoothing", settings.smoothing, "of labels");
  command
      .add_option(
          "--teacher", settings.teacher,
          "a dense run of the same task, or a Hugging Face folder with a head for it, to learn from besides the "
          "labels: loss = (1 - h) hard + h T^2 KL(teacher || model); it is asked once, before training")
      ->check(CLI::ExistingDirectory);
  command.add_option("--teacher-weight", settings.distillation.weight, "h, from 0 to 1");
  command.add_option("--temperature", settings.distillation.temperature, "T, at which both are compared");
  command.add_option("--batch", settings.batch, "sequences of a batch");
  command.add_option("--accumulation", settings.accumulation, "batches of a step");
  command
      .add_option("--epochs", settings.epochs,
                  "passes through the data, may be a fraction; 0: 3, and for small data as many as make 3000 steps")
      ->default_str("0");
  command.add_option("--steps", settings.steps, "instead of --epochs, if not 0");
  command.add_option("--max-length", settings.max_length, "tokens to which sequences are cut");
  command.add_option("--train-limit", settings.train_limit, "so many training sequences, evenly spread; 0: all");
  command.add_option("--dev-limit", settings.dev_limit, "the same for dev data");
  command.add_option("--evaluate-every", settings.evaluate_every, "steps between evaluations; 0: after each epoch");
  command.add_option("--patience", settings.patience, "evaluations without a better score before it stops; 0: never");
}

/// A constant schedule has no warm-up, a linear one rises from the first step to the last.
void refuse_unused_phases(const std::string& schedule, const std::function<bool(const char*)>& given) {
  for (const char* option : {"--warmup", "--cooldown"})
    pst::require(!given(option) || schedule == "cubic" || (schedule == "constant" && option[2] == 'c'), option,
                 " is given, but --schedule ", schedule, " does not use it: leave it out, or choose cubic");
}

}  // namespace

std::function<void()> add_options(CLI::App& command, TrainOptions& options) {
  command.option_defaults()->always_capture_default()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  add_run_options(command, options);
  const auto text = std::make_shared<SearchText>();
  add_method_options(command, options.settings, *text);
  add_training_options(command, options.settings);
  return [&command, &options, text] {
    read_search(options, *text);
    Settings& settings = options.settings;
    const auto given = [&](const char* option) { return command.count(option) > 0; };
    pst::require(options.dry_run || !options.out.empty(), "--out is missing: give the folder of the run, or --dry-run");
    pst::require(!given("--steps") || !given("--epochs") || settings.steps == 0,
                 "--steps and --epochs are given, which ", "both say how long the run is: leave one of them out");
    for (const char* option : {"--teacher-weight", "--temperature"})
      pst::require(!given(option) || given("--teacher"), option, " is given, but no teacher: give --teacher, too");
    const MethodInfo& method = method_named(settings.method.name);
    pst::require(
        !given("--token-rate") || has_virtual_tokens(settings.method),
        "--token-rate is given, but there are no virtual tokens: leave it out, or choose prefix or prompt with "
        "--method or --adapter");
    refuse_unused_options(method.name, settings.method.keep_mask, given);
    refuse_unused_phases(settings.method.schedule, given);
    const Architecture architecture = read_config(settings.model, HeadUse::discard).architecture;
    pst::require(!given("--fused") || architecture == Architecture::gpt2, "--fused is given, but ",
                 settings.model.string(), " is no GPT-2, whose query, key and value are one tensor: leave it out");
    settings.task = with_own_labels(settings.task, settings.data);
    if (settings.reference || options.recipe == "paper")
      as_published(settings, given);
    else
      as_usual(settings, given);
    if (options.recipe == "paper") apply_recipe(settings, architecture == Architecture::roberta, given);
    // The folder is read again later, from wherever that is.
    settings.model = std::filesystem::weakly_canonical(settings.model);
    settings.data = std::filesystem::weakly_canonical(settings.data);
    if (given("--teacher")) settings.teacher = std::filesystem::weakly_canonical(settings.teacher);
  };
}

}  // namespace finetune
