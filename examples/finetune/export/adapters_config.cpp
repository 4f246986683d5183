// SPDX-License-Identifier: Apache-2.0
#include "finetune/export/adapters_config.hpp"

#include <pst/core/error.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <type_traits>

#include <nlohmann/json.hpp>

#include "finetune/export/config_fields.hpp"

namespace finetune {

namespace {

using transformer::BranchPlace;

constexpr const char* library_version = "adapters.1.3.0";

/// Everything that the library may write of a bottleneck. Those of the last two lines count in training alone.
constexpr std::array<std::string_view, 32> known_fields{"mh_adapter",
                                                        "output_adapter",
                                                        "reduction_factor",
                                                        "non_linearity",
                                                        "original_ln_before",
                                                        "original_ln_after",
                                                        "ln_before",
                                                        "ln_after",
                                                        "is_parallel",
                                                        "scaling",
                                                        "use_gating",
                                                        "residual_before_ln",
                                                        "inv_adapter",
                                                        "inv_adapter_reduction_factor",
                                                        "cross_adapter",
                                                        "leave_out",
                                                        "phm_layer",
                                                        "phm_dim",
                                                        "phm_rank",
                                                        "shared_phm_rule",
                                                        "factorized_phm_W",
                                                        "shared_W_phm",
                                                        "factorized_phm_rule",
                                                        "phm_bias",
                                                        "adapter_residual_before_ln",
                                                        "init_weights",
                                                        "init_weights_seed",
                                                        "dropout",
                                                        "phm_c_init",
                                                        "phm_init_range",
                                                        "hypercomplex_nonlinearity",
                                                        "stochastic_depth"};
constexpr std::string_view also_known[] = {"learn_phm", "architecture"};

struct NamedActivation {
  const char* name;
  pst::Activation activation;
};
/// The first of an activation is written.
constexpr std::array library_activations{NamedActivation{"relu", pst::Activation::relu},
                                         NamedActivation{"gelu", pst::Activation::gelu},
                                         NamedActivation{"gelu_new", pst::Activation::gelu_tanh},
                                         NamedActivation{"gelu_pytorch_tanh", pst::Activation::gelu_tanh},
                                         NamedActivation{"swish", pst::Activation::silu},
                                         NamedActivation{"silu", pst::Activation::silu}};

pst::Activation activation_of(const ConfigFields& fields) {
  const std::string name = fields.text("non_linearity");
  const auto found = std::ranges::find(library_activations, name, &NamedActivation::name);
  fields.require(found != library_activations.end(), "non_linearity",
                 "relu, gelu, gelu_new, gelu_pytorch_tanh, swish or silu");
  return found->activation;
}

/// int(width // factor) of Python, at least 1.
index_t reduced(const ConfigFields& fields, index_t width) {
  const double factor = fields.number("reduction_factor", 0);
  const auto whole = static_cast<double>(width);
  const bool is_sound = factor > 0 && whole / factor < 65536;
  fields.require(is_sound, "reduction_factor", "one number for all blocks, which leaves fewer than 65536 features");
  return std::max<index_t>(1, static_cast<index_t>(std::round((whole - std::fmod(whole, factor)) / factor)));
}

void refuse_other_models(const ConfigFields& fields) {
  std::vector<std::string_view> known{known_fields.begin(), known_fields.end()};
  known.insert(known.end(), std::begin(also_known), std::end(also_known));
  fields.refuse_unknown(known);
  fields.require(!fields.is_given("architecture"), "architecture", "none, which is a bottleneck");
  for (const char* name : {"ln_before", "ln_after", "use_gating", "cross_adapter"})
    fields.require(!fields.flag(name), name, "false: such adapters are not read");
  for (const char* name : {"inv_adapter", "leave_out"})
    fields.require(!fields.is_given(name), name, "nothing: such adapters are not read");
  fields.require(fields.flag_or("original_ln_after", true), "original_ln_after", "true: such adapters are not read");
}

template <class Projection>
transformer::Branch<float>::Policy bottleneck_with(const ConfigFields& fields, index_t width,
                                                   const Projection& projection) {
  return pst::BottleneckOf<Projection>{.width = width,
                                       .scale = fields.number("scaling", 1.0),
                                       .activation = activation_of(fields),
                                       .projection = projection};
}

transformer::Branch<float>::Policy bottleneck_of(const ConfigFields& fields, index_t model_width) {
  const index_t width = reduced(fields, model_width);
  if (!fields.flag("phm_layer")) return bottleneck_with(fields, width, pst::DenseProjection{});
  for (const char* name : {"factorized_phm_W", "phm_bias"})
    fields.require(fields.flag_or(name, true), name, "true: such adapters are not read");
  for (const char* name : {"shared_W_phm", "factorized_phm_rule"})
    fields.require(!fields.flag(name), name, "false: such adapters are not read");
  const index_t parts = std::max<index_t>(fields.count("phm_dim"), 1), rank = fields.count("phm_rank");
  fields.require(model_width % parts == 0 && width % parts == 0 && width <= model_width, "phm_dim",
                 "a divisor of the width of the model, " + std::to_string(model_width) + ", and of the adapter, " +
                     std::to_string(width) + ", which is no larger");
  return bottleneck_with(
      fields, width,
      pst::KroneckerProjection{
          .parts = parts, .rank = std::max<index_t>(rank, 1), .shares_rule = fields.flag_or("shared_phm_rule", true)});
}

std::vector<PlacedBranch> placed_branches(const ConfigFields& fields, const ModelConfig& base) {
  const bool is_gpt2 = base.architecture == Architecture::gpt2;
  const bool behind_attention = fields.flag("mh_adapter"), behind_feed_forward = fields.flag("output_adapter");
  const bool reads_norm = fields.flag("original_ln_before"), is_parallel = fields.flag("is_parallel");
  fields.require(behind_attention || behind_feed_forward, "output_adapter", "true, or mh_adapter");
  fields.require(!behind_attention || !(is_parallel || reads_norm), "mh_adapter",
                 "false where is_parallel or original_ln_before is true: such adapters are not read");
  fields.require(!is_parallel || !is_gpt2, "is_parallel",
                 "false with GPT-2: there the library reads the sum in front of the norm, which is another model");
  fields.require(!reads_norm || is_parallel || fields.is_true("residual_before_ln", true), "residual_before_ln",
                 "true: such adapters are not read");
  const auto policy = bottleneck_of(fields, base.width);
  std::vector<PlacedBranch> branches;
  if (behind_attention) branches.push_back({BranchPlace::after_attention, policy});
  if (behind_feed_forward)
    branches.push_back({is_parallel  ? BranchPlace::beside_feed_forward
                        : reads_norm ? BranchPlace::after_block
                                     : BranchPlace::after_feed_forward,
                        policy});
  return branches;
}

const char* model_type_of(Architecture architecture) {
  return architecture == Architecture::bert ? "bert" : architecture == Architecture::roberta ? "roberta" : "gpt2";
}
const char* model_class_of(Architecture architecture) {
  return architecture == Architecture::bert      ? "BertAdapterModel"
         : architecture == Architecture::roberta ? "RobertaAdapterModel"
                                                 : "GPT2LMHeadModel";
}

/// What every file of the library says of its model.
void check_model(const ConfigFields& fields, const ModelConfig& base) {
  fields.require(fields.text("version").starts_with("adapters."), "version",
                 "adapters.1.3.0 or the like: is it a file of the library adapters?");
  const index_t width = fields.count("hidden_size");
  fields.require(width == 0 || width == base.width, "hidden_size",
                 std::to_string(base.width) + ", as in the base: is it that of another model?");
  const std::string type = fields.text("model_type");
  fields.require(type.empty() || type == model_type_of(base.architecture), "model_type",
                 std::string{model_type_of(base.architecture)} + ", as in the base: is it that of another model?");
}
nlohmann::json model_fields(const std::string& name, const ModelConfig& base) {
  return {{"name", name},
          {"version", library_version},
          {"hidden_size", base.width},
          {"model_type", model_type_of(base.architecture)},
          {"model_class", model_class_of(base.architecture)},
          {"model_name", nullptr}};
}

/// The places of branches as the library has them; false where it has no such combination.
bool add_places(nlohmann::json& json, std::span<const PlacedBranch> branches) {
  const auto has = [&](BranchPlace place) {
    return std::ranges::find(branches, place, &PlacedBranch::place) != branches.end();
  };
  const bool attention = has(BranchPlace::after_attention), block = has(BranchPlace::after_block);
  const bool beside = has(BranchPlace::beside_feed_forward), behind = has(BranchPlace::after_feed_forward);
  json["mh_adapter"] = attention;
  json["output_adapter"] = block || beside || behind;
  json["original_ln_before"] = block;
  json["is_parallel"] = beside;
  const std::size_t behind_or_beside = std::size_t{block} + std::size_t{beside} + std::size_t{behind};
  return branches.size() == behind_or_beside + std::size_t{attention} &&
         (branches.size() == 1 || (attention && behind && branches.size() == 2));
}

/// The factor from which the library finds a width again.
double reduction_factor_of(index_t width, index_t model_width) {
  const auto whole = static_cast<double>(model_width), part = static_cast<double>(width);
  return model_width % width == 0 ? whole / part : whole / (part + 0.5);
}

bool add_bottleneck(nlohmann::json&, const pst::Rescale&, index_t) { return false; }
template <class Projection>
bool add_bottleneck(nlohmann::json& json, const pst::BottleneckOf<Projection>& branch, index_t model_width) {
  if constexpr (std::is_same_v<Projection, pst::LowRankProjection>) return false;
  json["reduction_factor"] = reduction_factor_of(branch.width, model_width);
  json["scaling"] = branch.scale;
  json["non_linearity"] = std::ranges::find(library_activations, branch.activation, &NamedActivation::activation)->name;
  if constexpr (std::is_same_v<Projection, pst::KroneckerProjection>) {
    json["phm_layer"] = true;
    json["phm_dim"] = branch.projection.parts;
    json["phm_rank"] = branch.projection.rank;
    json["shared_phm_rule"] = branch.projection.shares_rule;
    json["factorized_phm_W"] = json["phm_bias"] = json["learn_phm"] = true;
    json["shared_W_phm"] = json["factorized_phm_rule"] = false;
  }
  return true;
}

}  // namespace

AdaptersConfig parse_adapters_config(std::string_view text, const ModelConfig& base, const std::string& source) {
  const ConfigFields fields{text, source};
  fields.require(fields.text("peft_type").empty(), "peft_type",
                 "no adapter of PEFT here: it is read with --peft in place of --adapters");
  check_model(fields, base);
  AdaptersConfig config{.name = fields.text("name"), .branches = {}};
  fields.require(!config.name.empty(), "name", "the name of the adapter");
  const ConfigFields own = fields.inner("config");
  refuse_other_models(own);
  config.branches = placed_branches(own, base);
  return config;
}

std::string adapters_config_text(const AdaptersConfig& config, const ModelConfig& base) {
  nlohmann::json own{{"original_ln_after", true}, {"residual_before_ln", true}, {"ln_before", false},
                     {"ln_after", false},         {"use_gating", false},        {"leave_out", nlohmann::json::array()},
                     {"inv_adapter", nullptr},    {"cross_adapter", false},     {"dropout", 0.0},
                     {"init_weights", "bert"}};
  bool fits = add_places(own, config.branches);
  std::string first;
  for (const PlacedBranch& each : config.branches) {
    nlohmann::json policy = nlohmann::json::object();
    fits = fits && std::visit([&](const auto& of) { return add_bottleneck(policy, of, base.width); }, each.policy);
    fits = fits && (first.empty() || first == policy.dump());
    first = policy.dump();
    own.update(policy);
  }
  pst::require(fits, "the library adapters has no such branches as the model: write a task file");
  pst::require(
      base.architecture != Architecture::gpt2 || !own["is_parallel"].get<bool>(),
      "beside the feed-forward layer of GPT-2 the library adapters reads the sum in front of the norm, which is "
      "another model: write a task file");
  nlohmann::json json = model_fields(config.name, base);
  json["config"] = std::move(own);
  return json.dump(2) + '\n';
}

AdaptersHead parse_adapters_head(std::string_view text, const ModelConfig& base, const std::string& source) {
  const ConfigFields fields{text, source};
  check_model(fields, base);
  if (!fields.is_given("config")) {
    const std::string expected =
        base.architecture == Architecture::bert ? "BertForSequenceClassification" : "RobertaForSequenceClassification";
    fields.require(fields.text("model_class") == expected, "model_class", expected);
    return {.name = {}, .labels = fields.names_by_number("label2id"), .has_pooler = false};
  }
  const ConfigFields own = fields.inner("config");
  AdaptersHead head{.name = fields.text("name"), .labels = own.names_by_number("label2id"), .has_pooler = false};
  fields.require(!head.name.empty(), "name", "the name of the head");
  own.require(own.text("head_type") == "classification", "head_type", "classification");
  own.require(own.flag_or("bias", true), "bias", "true: such heads are not read");
  const index_t layers = own.count("layers");
  head.has_pooler = layers == 2;
  const bool fits = head.has_pooler ? own.text("activation_function") == "tanh" && !own.flag("use_pooler")
                                    : layers == 1 && own.flag("use_pooler") && base.architecture == Architecture::bert;
  own.require(fits, "layers",
              "2 with tanh and without use_pooler, or in BERT 1 with it: other heads than these are not read");
  return head;
}

std::string adapters_head_text(const AdaptersHead& head, const ModelConfig& base) {
  nlohmann::json labels = nlohmann::json::object();
  for (std::size_t label = 0; label < head.labels.size(); ++label) labels[head.labels[label]] = label;
  nlohmann::json json = model_fields(head.name, base);
  json["config"] = {{"head_type", "classification"},
                    {"num_labels", head.labels.size()},
                    {"layers", 2},
                    {"activation_function", "tanh"},
                    {"label2id", labels},
                    {"use_pooler", false},
                    {"bias", true},
                    {"dropout_prob", nullptr}};
  return json.dump(2) + '\n';
}

}  // namespace finetune
