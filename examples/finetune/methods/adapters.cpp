// SPDX-License-Identifier: Apache-2.0
#include "finetune/methods/adapters.hpp"

#include <pst/core/error.hpp>

#include <algorithm>
#include <array>

#include "finetune/methods/methods.hpp"
#include "finetune/methods/named.hpp"

namespace finetune {

namespace {

constexpr std::array adapter_table{
    AdapterInfo{"none", "nothing"},
    AdapterInfo{"houlsby", "h + A(h) behind attention and behind feed-forward, gelu, near the identity at first"},
    AdapterInfo{"pfeiffer", "h + A(h) behind each block, relu, near the identity at first"},
    AdapterInfo{"parallel", "4 A(x) beside feed-forward, relu, zero at first"},
    AdapterInfo{
        "compacter",
        "as houlsby, but weights are sums of Kronecker products with a rule that all share, drawn as its authors "
        "do"},
    AdapterInfo{"compacter++", "the same behind feed-forward alone"},
    AdapterInfo{"low-rank", "as houlsby, but weights have a low rank, drawn likewise"},
    AdapterInfo{"ia3", "keys, values and the activation times a vector each, one at first; can be merged"},
    AdapterInfo{"prefix", "keys and values in front of those of every block (prefix tuning)"},
    AdapterInfo{"prompt", "embedded tokens in front of every sequence (prompt tuning)"},
};

constexpr index_t usual_tokens = 20;
constexpr index_t usual_hidden = 512;  ///< of the MLP, as Li and Liang have it
constexpr index_t usual_parts = 4;     ///< of Compacter

bool is_compacter(std::string_view adapter) { return adapter == "compacter" || adapter == "compacter++"; }
bool are_virtual_tokens(std::string_view adapter) { return adapter == "prefix" || adapter == "prompt"; }

bool has_factors(std::string_view adapter) { return is_compacter(adapter) || adapter == "low-rank"; }
bool is_bottleneck(std::string_view adapter) { return adapter != "ia3" && !are_virtual_tokens(adapter); }

std::string text_of_list(const std::vector<std::string_view>& names) {
  std::string text;
  for (const std::string_view name : names) text.append(text.empty() ? "" : ",").append(name);
  return text.empty() ? "none" : text;
}

/// The place of `text` in a list of names; the first where there is none.
template <class List>
std::size_t choice(const List& names, const std::string& text, const char* what) {
  if (text.empty()) return 0;
  const auto found = std::ranges::find_if(names, [&](const char* name) { return text == name; });
  std::string expected;
  for (const char* name : names) expected.append(expected.empty() ? "" : " or ").append(name);
  pst::require(found != names.end(), what, " is \"", text.substr(0, 60), "\", expected ", expected);
  return static_cast<std::size_t>(found - names.begin());
}

void refuse_settings_of_tokens(const MethodSettings& settings) {
  const bool none = settings.virtual_tokens == 0 && settings.reparameterisation.empty() &&
                    settings.prompt_start.empty() && settings.positions.empty() && settings.pooled.empty();
  pst::require(none,
               "virtual tokens are described (their number, start, positions or what makes them), but there are "
               "none: choose prefix or prompt with --method or --adapter");
}

void refuse_settings_of_bottlenecks(const MethodSettings& settings, const std::vector<std::string_view>& names) {
  const bool comes_from_mlp = std::ranges::any_of(names, are_virtual_tokens) && settings.reparameterisation == "mlp";
  pst::require(settings.adapter_width == 0 || std::ranges::any_of(names, is_bottleneck) || comes_from_mlp,
               "the width of adapters is ", settings.adapter_width,
               ", but there is no bottleneck: choose one with --adapter");
  pst::require(settings.adapter_rank == 0 || std::ranges::any_of(names, has_factors), "the rank of adapters is ",
               settings.adapter_rank, ", but the adapter is ", text_of_list(names),
               ", which has none: leave it out, or choose compacter, compacter++ or low-rank");
  pst::require((settings.phm_dim == 0 && settings.phm_rule.empty()) || std::ranges::any_of(names, is_compacter),
               "the parts (phm-dim) or the rule of Kronecker products are chosen, but the adapter is ",
               text_of_list(names), ", which has none: leave them out, or choose compacter or compacter++");
}

/// A bottleneck of Compacter, or of the low-rank adapter of its authors: a 32nd of the model's width, gelu.
transformer::Branch<float>::Policy factored(const MethodSettings& settings, std::string_view name, index_t width) {
  const index_t rank = settings.adapter_rank > 0 ? settings.adapter_rank : 1;
  const index_t parts = !is_compacter(name) ? 1 : settings.phm_dim > 0 ? settings.phm_dim : usual_parts;
  const index_t share = std::max<index_t>(1, width / 32);
  const index_t wide = settings.adapter_width > 0 ? settings.adapter_width : (share + parts - 1) / parts * parts;
  if (!is_compacter(name))
    return transformer::LowRankBottleneck{
        .width = wide, .activation = pst::Activation::gelu_tanh, .projection = {.rank = rank}};
  const bool shares = choice(std::array{"shared", "own"}, settings.phm_rule, "the rule of Kronecker products") == 0;
  pst::require(width % parts == 0 && wide % parts == 0, "Kronecker products have ", parts,
               " parts, the model has a width of ", width, " and the adapter of ", wide, ", expected multiples of ",
               parts, ": choose another --phm-dim or --adapter-width");
  return transformer::KroneckerBottleneck{.width = wide,
                                          .activation = pst::Activation::gelu_tanh,
                                          .projection = {.parts = parts, .rank = rank, .shares_rule = shares}};
}

/// The branches of one adapter.
std::vector<PlacedBranch> branches_named(std::string_view name, const MethodSettings& settings, index_t width) {
  using Place = transformer::BranchPlace;
  const auto wide = [&](index_t share) {
    return settings.adapter_width > 0 ? settings.adapter_width : std::max<index_t>(1, width / share);
  };
  if (name == "houlsby") {
    const pst::Bottleneck branch{.width = wide(12), .activation = pst::Activation::gelu_tanh};
    return {{Place::after_attention, branch}, {Place::after_feed_forward, branch}};
  }
  if (name == "pfeiffer")
    return {{Place::after_block, pst::Bottleneck{.width = wide(16), .activation = pst::Activation::relu}}};
  if (name == "parallel")
    return {{Place::beside_feed_forward, pst::Bottleneck{.width = wide(12),
                                                         .scale = 4.0,
                                                         .activation = pst::Activation::relu,
                                                         .start = pst::BottleneckStart::identity}}};
  if (name == "compacter" || name == "low-rank") {
    const auto branch = factored(settings, name, width);
    return {{Place::after_attention, branch}, {Place::after_feed_forward, branch}};
  }
  if (name == "compacter++") return {{Place::after_feed_forward, factored(settings, name, width)}};
  if (name == "ia3")
    return {{Place::keys, pst::Rescale{}}, {Place::values, pst::Rescale{}}, {Place::activation, pst::Rescale{}}};
  return {};
}

}  // namespace

std::span<const AdapterInfo> adapters() { return adapter_table; }

std::vector<std::string_view> adapters_of(const MethodSettings& settings) {
  std::string_view left = settings.adapter;
  if (left.empty()) left = method_named(settings.name).adapter;
  std::vector<std::string_view> names;
  for (bool more = true; more;) {
    const std::size_t comma = left.find(',');
    const std::string_view name = named(adapter_table, "adapter", left.substr(0, comma)).name;
    pst::require(std::ranges::find(names, name) == names.end(), "the adapter ", name, " is there twice");
    names.push_back(name);
    more = comma != std::string_view::npos;
    if (more) left.remove_prefix(comma + 1);
  }
  if (names.size() == 1 && names.front() == "none") return {};
  pst::require(std::ranges::find(names, "none") == names.end(), "adapters are ", text_of_list(names),
               ": none is no adapter beside others, leave it out");
  return names;
}

std::vector<PlacedBranch> branches_of(const MethodSettings& settings, index_t width) {
  const std::vector<std::string_view> names = adapters_of(settings);
  refuse_settings_of_bottlenecks(settings, names);
  std::vector<PlacedBranch> all;
  for (const std::string_view name : names)
    for (const PlacedBranch& each : branches_named(name, settings, width)) {
      pst::require(std::ranges::find(all, each.place, &PlacedBranch::place) == all.end(), "the adapters ",
                   text_of_list(names), " have two branches in one place, ", transformer::name_of(each.place),
                   ": choose some that stand in different ones");
      all.push_back(each);
    }
  return all;
}

bool has_virtual_tokens(const MethodSettings& settings) {
  return std::ranges::any_of(adapters_of(settings), are_virtual_tokens);
}

std::optional<PlacedTokens> virtual_tokens_of(const MethodSettings& settings, index_t width) {
  const std::vector<std::string_view> names = adapters_of(settings);
  const auto found = std::ranges::find_if(names, are_virtual_tokens);
  if (found == names.end()) {
    refuse_settings_of_tokens(settings);
    return {};
  }
  pst::require(std::count_if(found, names.end(), are_virtual_tokens) == 1, "adapters are ", text_of_list(names),
               ": virtual tokens are a prefix or a prompt, choose one");
  const std::string_view name = *found;
  PlacedTokens tokens{.place = name == "prompt" ? TokenPlace::prompt : TokenPlace::prefix,
                      .count = settings.virtual_tokens > 0 ? settings.virtual_tokens : usual_tokens};
  const bool is_prompt = tokens.place == TokenPlace::prompt;
  const bool has_mlp =
      choice(std::array{"direct", "mlp"}, settings.reparameterisation, "what makes virtual tokens") == 1;
  const bool has_own_width = settings.adapter_width > 0 && !std::ranges::any_of(names, is_bottleneck);
  if (has_mlp)
    tokens.policy = pst::Mlp{.embedding = width, .hidden = has_own_width ? settings.adapter_width : usual_hidden};
  pst::require(is_prompt || (settings.prompt_start.empty() && settings.pooled.empty()),
               "the start of a prompt, or what is pooled behind one, is chosen, but a prefix begins as normal numbers "
               "and adds no row: leave it out, or choose prompt");
  const bool is_normal =
      choice(std::array{"vocabulary", "normal"}, settings.prompt_start, "the start of a prompt") == 1;
  pst::require(!has_mlp || settings.prompt_start != "vocabulary",
               "the prompt is to begin as words, but it comes from an MLP: let it train directly, or begin as normal "
               "numbers");
  tokens.from_vocabulary = is_prompt && !has_mlp && !is_normal;
  tokens.positions = static_cast<RealPositions>(choice(real_position_names, settings.positions, "what positions are"));
  tokens.pooled = static_cast<PooledRow>(choice(pooled_row_names, settings.pooled, "what is pooled"));
  return tokens;
}

void put_adapter(Model& model, const MethodSettings& settings, std::uint64_t seed) {
  const index_t width = model.config().width;
  model.put_branches(branches_of(settings, width), seed);
  if (const auto tokens = virtual_tokens_of(settings, width)) model.put_virtual_tokens(*tokens, seed);
}

}  // namespace finetune
