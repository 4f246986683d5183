// SPDX-License-Identifier: Apache-2.0
#include "finetune/export/peft_config.hpp"

#include <pst/core/error.hpp>
#include <pst/io/strict_json.hpp>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "common/files.hpp"
#include "finetune/export/config_fields.hpp"

namespace finetune {

namespace {

constexpr index_t most_rank = 1 << 16;
constexpr std::size_t longest_pattern = 500;  // std::regex matches by recursion

using Fields = ConfigFields;

/// For what would make another model.
void refuse(const Fields& fields, bool is_asked, const char* name) {
  fields.require(!is_asked, name, "it to be off: such adapters are not read, merge it with PEFT");
}

bool ends_with_module(std::string_view module, std::string_view name) {
  return module.ends_with(name) && (module.size() == name.size() || module[module.size() - name.size() - 1] == '.');
}
bool any_ends(const std::vector<std::string>& names, std::string_view module) {
  return std::ranges::any_of(names, [&](const std::string& name) { return ends_with_module(module, name); });
}

/// Whether an expression takes little time on any name: std::regex goes back and forth, so that a repetition of a
/// repetition takes a time that doubles with each letter.
bool is_cheap(std::string_view expression) {
  constexpr int most_repetitions = 4;
  int repetitions = 0;
  bool in_class = false;
  char before = '(';  // a repetition is '*' here, whichever it is
  for (std::size_t i = 0; i < expression.size(); ++i) {
    const char c = expression[i];
    if (c == '\\' || in_class || c == '[') {
      if (c == '\\')
        ++i;
      else
        in_class = c != ']';
      before = 'x';
      continue;
    }
    const bool marks_a_kind = c == '?' && (before == '(' || before == '*');  // of group, or a lazy repetition
    const bool repeats = (c == '*' || c == '+' || c == '{' || c == '?') && !marks_a_kind;
    if (repeats && (++repetitions > most_repetitions || before == '*' || (before == ')' && c != '?'))) return false;
    if (repeats && c == '{') i = std::min(expression.find('}', i), expression.size());
    before = repeats || (marks_a_kind && before == '*') ? '*' : c;
  }
  return true;
}
/// The expression of a stranger; `what` it is stands in messages.
std::regex expression_of(const std::string& text, const std::string& around, const std::string& what) {
  pst::require(text.size() <= longest_pattern, what, " has ", text.size(), " letters, expected at most ",
               longest_pattern);
  pst::require(is_cheap(text), what, " is ", pst::io::printable(text),
               ", expected at most 4 repetitions, and none of a group");
  try {
    return std::regex{around.empty() ? text : around + "(?:" + text + ")"};
  } catch (const std::regex_error& error) {
    pst::fail(what, " is ", pst::io::printable(text), ", which is no regular expression: ", error.what());
  }
}

/// The number of the pattern that matches a module, as PEFT matches them: behind a dot, to the end.
double of_pattern(const std::map<std::string, double>& patterns, std::string_view module, double otherwise) {
  for (const auto& [pattern, number] : patterns)
    if (std::regex_match(module.begin(), module.end(), expression_of(pattern, "(?:.*\\.)?", "a pattern of modules")))
      return number;
  return otherwise;
}

void read_targets(const Fields& fields, PeftConfig& config) {
  if (!fields.is_text("target_modules")) {
    config.targets = fields.texts("target_modules");
    return;
  }
  const std::string text = fields.text("target_modules");
  config.targets_all_linear = text == "all-linear";
  if (config.targets_all_linear) return;
  config.target_expression = expression_of(text, {}, fields.source() + ": target_modules");
}

/// Prompt tuning and its relatives: a file has the vectors, whatever made them.
PeftConfig config_of_tokens(const Fields& fields, TokenPlace place) {
  PeftConfig config;
  config.tokens = PlacedTokens{.place = place, .count = fields.count("num_virtual_tokens")};
  fields.require(config.tokens->count > 0, "num_virtual_tokens", "a whole number of 1 to 65536");
  fields.require(fields.count("num_transformer_submodules") <= 1, "num_transformer_submodules",
                 "1: there is no decoder beside an encoder");
  config.token_width = fields.count("token_dim");
  config.token_blocks = fields.count("num_layers");
  config.token_heads = fields.count("num_attention_heads");
  return config;
}

}  // namespace

PeftConfig read_peft_config(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / "adapter_config.json";
  return parse_peft_config(common::read_file(file), file.string());
}

PeftConfig parse_peft_config(std::string_view text, const std::string& source) {
  const Fields fields{text, source};
  const std::string type = fields.text("peft_type");
  if (type == "PROMPT_TUNING" || type == "P_TUNING" || type == "PREFIX_TUNING")
    return config_of_tokens(fields, type == "PREFIX_TUNING" ? TokenPlace::prefix : TokenPlace::prompt);
  fields.require(!type.empty() || !fields.is_given("config"), "peft_type",
                 "an adapter of PEFT: one of the library adapters is read with --adapters in place of --peft");
  fields.require(type == "LORA" || type == "IA3", "peft_type", "LORA, IA3, PROMPT_TUNING, P_TUNING or PREFIX_TUNING");
  PeftConfig config;
  config.is_ia3 = type == "IA3";
  config.is_dora = !config.is_ia3 && fields.flag("use_dora");
  for (const char* name : {"lora_bias", "use_qalora", "use_bdlora"}) refuse(fields, fields.flag(name), name);
  for (const char* name : {"layer_replication", "target_parameters", "trainable_token_indices", "exclude_modules"})
    refuse(fields, fields.is_given(name), name);
  const double rank = fields.number("r", 8);
  fields.require(rank >= 1 && rank <= most_rank && rank == std::floor(rank), "r", "a whole number of 1 to 65536");
  config.rank = static_cast<index_t>(rank);
  config.alpha = fields.number("lora_alpha", 8);
  config.is_rank_stabilised = fields.flag("use_rslora");
  config.ranks = fields.patterns("rank_pattern");
  for (const auto& [pattern, number] : config.ranks)
    fields.require(number >= 1 && number <= most_rank && number == std::floor(number), "rank_pattern",
                   "whole numbers of 1 to 65536");
  config.alphas = fields.patterns("alpha_pattern");
  config.feed_forward = fields.texts("feedforward_modules");
  config.blocks = fields.numbers("layers_to_transform");
  read_targets(fields, config);
  return config;
}

index_t PeftConfig::rank_of(std::string_view module) const {
  return static_cast<index_t>(of_pattern(ranks, module, static_cast<double>(rank)));
}
double PeftConfig::scale_of(std::string_view module) const {
  const auto r = static_cast<double>(rank_of(module));
  return of_pattern(alphas, module, alpha) / (is_rank_stabilised ? std::sqrt(r) : r);
}
bool PeftConfig::adapts(std::string_view module, std::optional<index_t> block) const {
  if (!blocks.empty() && (!block || std::ranges::find(blocks, *block) == blocks.end())) return false;
  if (targets_all_linear) return true;
  if (target_expression) return std::regex_match(module.begin(), module.end(), *target_expression);
  return any_ends(targets, module);
}
bool PeftConfig::scales_input(std::string_view module) const { return any_ends(feed_forward, module); }

}  // namespace finetune
