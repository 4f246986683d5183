// SPDX-License-Identifier: Apache-2.0
#include "finetune/run/settings.hpp"

#include <pst/core/error.hpp>
#include <pst/io/strict_json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>
#include <type_traits>

#include "finetune/methods/adapters.hpp"
#include "finetune/methods/methods.hpp"
#include "finetune/tasks/task.hpp"

namespace finetune {

namespace {

constexpr const char* settings_format = "pst-finetune settings 1";
/// Fields that the first runs were begun without.
constexpr std::array<std::string_view, 31> later_fields{"score_start",  "modules",        "exclude",
                                                        "beside",       "adapter",        "adapter_width",
                                                        "keep_mask",    "delta_start",    "score_factor_start",
                                                        "rest",         "teacher",        "teacher_weight",
                                                        "temperature",  "virtual_tokens", "reparameterisation",
                                                        "prompt_start", "positions",      "pooled",
                                                        "token_rate",   "threshold",      "masked",
                                                        "adapter_rank", "phm_dim",        "phm_rule",
                                                        "dimension",    "said",           "gate_penalty",
                                                        "gated_part",   "kept_share",     "weighted_by",
                                                        "recompute"};
constexpr double no_limit = std::numeric_limits<double>::max();

/// Calls `visit(name, field)` for every field that a file has.
template <class Chosen, class Visit>
void for_each_field(Chosen& settings, Visit&& visit) {
  visit("model", settings.model);
  visit("task", settings.task);
  visit("data", settings.data);
  auto& method = settings.method;
  visit("method", method.name);
  visit("sparsity", method.sparsity);
  visit("schedule", method.schedule);
  visit("warmup", method.warmup);
  visit("cooldown", method.cooldown);
  visit("delta_rank", method.delta_rank);
  visit("score_rank", method.score_rank);
  visit("delta_start", method.delta_start);
  visit("score_factor_start", method.score_factor_start);
  visit("weighted_by", method.weighted_by);
  visit("beta", method.beta);
  visit("alpha1", method.alpha1);
  visit("alpha2", method.alpha2);
  visit("scores", method.scores);
  visit("refresh", method.refresh);
  visit("straight_through", method.straight_through);
  visit("penalty", method.penalty);
  visit("score_start", method.score_start);
  visit("threshold", method.threshold);
  visit("masked", method.masked);
  visit("modules", method.modules);
  visit("exclude", method.exclude);
  visit("beside", method.beside);
  visit("adapter", method.adapter);
  visit("adapter_width", method.adapter_width);
  visit("adapter_rank", method.adapter_rank);
  visit("phm_dim", method.phm_dim);
  visit("phm_rule", method.phm_rule);
  visit("dimension", method.dimension);
  visit("said", method.said);
  visit("virtual_tokens", method.virtual_tokens);
  visit("reparameterisation", method.reparameterisation);
  visit("prompt_start", method.prompt_start);
  visit("positions", method.positions);
  visit("pooled", method.pooled);
  visit("keep_mask", method.keep_mask);
  visit("rest", method.rest);
  visit("gate_penalty", method.gate_penalty);
  visit("gated_part", method.gated_part);
  visit("kept_share", method.kept_share);
  visit("new_head", settings.new_head);
  visit("together", settings.together);
  visit("train_embeddings", settings.train_embeddings);
  visit("reference", settings.reference);
  visit("rate", settings.rate);
  visit("score_rate", settings.score_rate);
  visit("head_rate", settings.head_rate);
  visit("token_rate", settings.token_rate);
  visit("rate_schedule", settings.rate_schedule);
  visit("rate_warmup", settings.rate_warmup);
  visit("warmup_steps", settings.warmup_steps);
  visit("epsilon", settings.epsilon);
  visit("weight_decay", settings.weight_decay);
  visit("smoothing", settings.smoothing);
  visit("teacher", settings.teacher);
  visit("teacher_weight", settings.distillation.weight);
  visit("temperature", settings.distillation.temperature);
  visit("batch", settings.batch);
  visit("accumulation", settings.accumulation);
  visit("epochs", settings.epochs);
  visit("steps", settings.steps);
  visit("train_limit", settings.train_limit);
  visit("dev_limit", settings.dev_limit);
  visit("evaluate_every", settings.evaluate_every);
  visit("patience", settings.patience);
  visit("max_length", settings.max_length);
  visit("seed", settings.seed);
  visit("threads", settings.threads);
  visit("recompute", settings.recompute);
}

nlohmann::ordered_json json_of(const Settings& settings) {
  nlohmann::ordered_json json{{"format", settings_format}};
  for_each_field(settings, [&]<class Field>(const char* name, const Field& field) {
    if constexpr (std::is_same_v<Field, std::filesystem::path>)
      json[name] = field.string();
    else
      json[name] = field;
  });
  return json;
}

/// A field of a file from a stranger, or a sentence about it.
template <class Field>
void read_field(const nlohmann::json& value, Field& field, const std::string& what) {
  const auto expect = [&](bool ok, const char* kind) {
    pst::require(ok, what, " is ", pst::io::printable(value.dump()), ", expected ", kind);
  };
  if constexpr (std::is_same_v<Field, bool>) {
    expect(value.is_boolean(), "true or false");
    field = value.get<bool>();
  } else if constexpr (std::is_floating_point_v<Field>) {
    expect(value.is_number() && std::isfinite(value.get<double>()), "a finite number");
    field = value.get<double>();
  } else if constexpr (std::is_unsigned_v<Field>) {
    expect(value.is_number_unsigned(), "a whole number of at least 0");
    field = value.get<Field>();
  } else if constexpr (std::is_integral_v<Field>) {
    expect(value.is_number_unsigned() &&
               value.get<std::uint64_t>() <= static_cast<std::uint64_t>(std::numeric_limits<Field>::max()),
           "a whole number that is not too large");
    field = value.get<Field>();
  } else {
    expect(value.is_string(), "text");
    field = value.get<std::string>();
  }
}

/// What later fields are where a file has none.
Settings of_first_runs() {
  Settings settings;
  settings.method.delta_start = settings.method.score_factor_start = "normal";
  settings.method.weighted_by = "nothing";
  settings.method.rest = "delta";
  return settings;
}

void within(const char* name, double value, double least, double most) {
  pst::require(value >= least, name, " is ", value, ", expected at least ", least);
  pst::require(value <= most, name, " is ", value, ", expected at most ", most);
}

}  // namespace

std::string settings_text(const Settings& settings) { return json_of(settings).dump(1) + '\n'; }

Settings parse_settings(std::string_view text, const std::string& source) {
  const nlohmann::json json = pst::io::strict_json(text, source, 4);
  pst::require(json.is_object() && json.contains("format") && json["format"] == settings_format, source,
               ": is not the settings of a run, expected a JSON object whose \"format\" is \"", settings_format, '"');
  Settings settings = of_first_runs();
  std::set<std::string> known{"format"};
  for_each_field(settings, [&](const char* name, auto& field) {
    known.insert(name);
    if (std::ranges::find(later_fields, name) != later_fields.end() && !json.contains(name)) return;
    pst::require(json.contains(name), source, ": has no field \"", name, '"');
    read_field(json[name], field, source + ": " + name);
  });
  for (const auto& [name, value] : json.items())
    pst::require(known.contains(name), source, ": has the unknown field \"", pst::io::printable(name), '"');
  try {
    check(settings);
  } catch (const pst::Error& error) {
    pst::fail(source, ": ", error.what());
  }
  return settings;
}

void check(const Settings& settings) {
  for (const std::filesystem::path& path : {settings.model, settings.data, settings.teacher})
    pst::require(pst::io::is_utf8(path.string()), "the path ", path.string(), " is not UTF-8");
  const Task& task = find_task(settings.task);
  pst::require(settings.teacher.empty() || !is_language_model(task), "there is a teacher, but the task is ",
               settings.task, ": only classes and numbers are learnt from one");
  MethodSettings every_module = settings.method;  // patterns are read where the model is known
  every_module.modules.clear(), every_module.exclude.clear();
  static_cast<void>(method_layers(every_module, settings.seed));
  pst::require(settings.method.rest == "kept" || settings.method.rest == "delta", "what trains at rest is \"",
               settings.method.rest, "\", expected kept or delta");
  pst::require(settings.rate > 0 && settings.rate <= 1e3, "the rate is ", settings.rate,
               ", expected a number above 0 and at most 1000");
  const std::vector<std::string_view> adapters = adapters_of(settings.method);
  pst::require(!settings.reference || adapters.empty(), "there are adapters (",
               adapters.empty() ? std::string_view{} : adapters.front(),
               "), but --reference is the authors' code, which has none");
  within("the width of adapters", static_cast<double>(settings.method.adapter_width), 0, 1 << 16);
  within("the rank of adapters", static_cast<double>(settings.method.adapter_rank), 0, 1 << 16);
  within("phm-dim", static_cast<double>(settings.method.phm_dim), 0, 1 << 8);
  within("the gated part of the run", settings.method.gated_part, 1e-6, 1);
  within("the share of changes that is kept", settings.method.kept_share, 1e-9, 1);
  within("the intrinsic dimension", static_cast<double>(settings.method.dimension), 0, 1 << 20);
  within("virtual tokens", static_cast<double>(settings.method.virtual_tokens), 0, 1 << 16);
  static_cast<void>(virtual_tokens_of(settings.method, 1));
  within("the rate of scores", settings.score_rate, 0, 1e6);
  within("the rate of the head", settings.head_rate, 0, 1e6);
  within("the rate of virtual tokens", settings.token_rate, 0, 1e6);
  within("the warm-up of the rate", settings.rate_warmup, 0, 1);
  within("the warm-up in steps", static_cast<double>(settings.warmup_steps), 0, no_limit);
  pst::require(settings.rate_warmup == 0 || settings.warmup_steps == 0,
               "the warm-up of the rate is given as a fraction and in steps, expected one of them");
  pst::require(settings.rate_schedule == "linear" || settings.rate_schedule == "constant", "the rate schedule is \"",
               settings.rate_schedule, "\", expected linear or constant");
  within("epsilon", settings.epsilon, 1e-12, 1);
  within("the weight decay", settings.weight_decay, 0, 1);
  within("the smoothing of labels", settings.smoothing, 0, 0.999);
  within("the weight of the teacher", settings.distillation.weight, 0, 1);
  within("the temperature", settings.distillation.temperature, 1e-2, 1e3);
  within("the batch", settings.batch, 1, 1 << 16);
  within("the accumulation", settings.accumulation, 1, 1 << 16);
  pst::require(settings.epochs == 0 || (settings.epochs >= 1e-6 && settings.epochs <= 1e6), "epochs is ",
               settings.epochs, ", expected at least 1e-06 and at most 1e6, or 0 (by the number of sequences)");
  within("steps", static_cast<double>(settings.steps), 0, 1e12);
  within("the limit of training sequences", static_cast<double>(settings.train_limit), 0, no_limit);
  within("the limit of dev sequences", static_cast<double>(settings.dev_limit), 0, no_limit);
  within("steps between evaluations", static_cast<double>(settings.evaluate_every), 0, no_limit);
  within("patience", settings.patience, 0, no_limit);
  within("the longest sequence", static_cast<double>(settings.max_length), 8, 1 << 20);
  within("threads", settings.threads, 0, 4096);
  const MethodSettings& method = settings.method;
  pst::require(!settings.reference || (method.modules.empty() && method.exclude.empty() && !method.keep_mask),
               "modules are chosen, or the mask is kept, but --reference is the authors' code, which does neither");
  pst::require(!settings.reference || !settings.train_embeddings,
               "embeddings are to train, but with --reference nothing trains except factors");
  pst::require(!settings.reference || method.beside.empty() || method.beside == "none",
               "biases or norms are to train, but with --reference nothing trains except factors");
}

std::string difference(const Settings& there, const Settings& here) {
  const nlohmann::ordered_json one = json_of(there), other = json_of(here);
  for (const auto& [name, value] : one.items())
    if (name != "threads" && name != "recompute" && value != other.at(name))
      return name + " = " + value.dump() + " there, " + other.at(name).dump() + " here";
  return {};
}

}  // namespace finetune
