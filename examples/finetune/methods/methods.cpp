// SPDX-License-Identifier: Apache-2.0
#include "finetune/methods/methods.hpp"

#include <pst/core/error.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "finetune/methods/named.hpp"
#include "finetune/model/module_patterns.hpp"

namespace finetune {

namespace {

/// The learning rates of a method, where none are given.
struct Rates {
  std::string_view method;
  double rate, score_rate, head_rate;
  double published_rate, published_score_rate, published_head_rate;
};
constexpr std::array rates{
    Rates{"pst", 2e-4, 1.0, 3.0, 3e-4, 1.0, 3.0},          Rates{"pst-ab", 2e-4, 1.0, 3.0, 3e-4, 1.0, 3.0},
    Rates{"pst-rc", 2e-4, 1.0, 3.0, 3e-4, 1.0, 3.0},       Rates{"magnitude", 2e-4, 1.0, 1.0, 5e-5, 1.0, 1.0},
    Rates{"movement", 5e-5, 100.0, 1.0, 5e-5, 100.0, 1.0}, Rates{"soft-movement", 5e-5, 100.0, 1.0, 5e-5, 100.0, 1.0},
    Rates{"full", 1e-4, 1.0, 1.0, 5e-5, 1.0, 1.0},         Rates{"lora", 2e-4, 1.0, 3.0, 3e-4, 1.0, 3.0},
    Rates{"dora", 2e-4, 1.0, 3.0, 3e-4, 1.0, 3.0},         Rates{"frozen", 1e-3, 1.0, 1.0, 1e-3, 1.0, 1.0},
    Rates{"masking", 1e-3, 1.0, 1.0, 1e-3, 1.0, 1.0},      Rates{"diff", 5e-5, 2000.0, 1.0, 5e-5, 2000.0, 1.0},
};
constexpr index_t usual_dimension = 2000;
constexpr std::array subsets{
    MethodInfo{.name = "bitfit",
               .layers = "frozen",
               .description = "biases alone, as in BitFit",
               .trains = "biases",
               .is_sparse = false,
               .beside = "biases"},
    MethodInfo{.name = "norms",
               .layers = "frozen",
               .description = "layer norms alone",
               .trains = "gains and biases of norms",
               .is_sparse = false,
               .beside = "norms"},
    MethodInfo{.name = "intrinsic",
               .layers = "frozen",
               .description = "all weights by random projections of one vector, an intrinsic dimension",
               .trains = "one vector for all",
               .is_sparse = false,
               .rate = 1e-2,
               .head_rate = 0.1,
               .published_rate = 1e-2,
               .published_head_rate = 0.1,
               .beside = "none"},
    MethodInfo{.name = "houlsby",
               .layers = "frozen",
               .description = "bottlenecks behind attention and feed-forward (Houlsby)",
               .trains = "adapters, norms",
               .is_sparse = false,
               .rate = 3e-4,
               .published_rate = 3e-4,
               .beside = "norms",
               .adapter = "houlsby"},
    MethodInfo{.name = "pfeiffer",
               .layers = "frozen",
               .description = "a bottleneck behind each block (Pfeiffer)",
               .trains = "adapters",
               .is_sparse = false,
               .rate = 3e-4,
               .published_rate = 3e-4,
               .beside = "none",
               .adapter = "pfeiffer"},
    MethodInfo{.name = "parallel",
               .layers = "frozen",
               .description = "a bottleneck beside feed-forward (He)",
               .trains = "adapters",
               .is_sparse = false,
               .rate = 3e-4,
               .published_rate = 3e-4,
               .beside = "none",
               .adapter = "parallel"},
    MethodInfo{.name = "compacter",
               .layers = "frozen",
               .description = "bottlenecks of Kronecker products behind attention and feed-forward (Mahabadi)",
               .trains = "adapters, norms",
               .is_sparse = false,
               .rate = 3e-3,
               .published_rate = 3e-3,
               .beside = "norms",
               .adapter = "compacter"},
    MethodInfo{.name = "compacter++",
               .layers = "frozen",
               .description = "the same behind feed-forward alone",
               .trains = "adapters, norms",
               .is_sparse = false,
               .rate = 3e-3,
               .published_rate = 3e-3,
               .beside = "norms",
               .adapter = "compacter++"},
    MethodInfo{.name = "low-rank",
               .layers = "frozen",
               .description = "bottlenecks with weights of low rank behind attention and feed-forward",
               .trains = "adapters, norms",
               .is_sparse = false,
               .rate = 3e-3,
               .published_rate = 3e-3,
               .beside = "norms",
               .adapter = "low-rank"},
    MethodInfo{.name = "ia3",
               .layers = "frozen",
               .description = "keys, values and activations are scaled, (IA)3",
               .trains = "scales",
               .is_sparse = false,
               .rate = 3e-3,
               .published_rate = 3e-3,
               .beside = "none",
               .adapter = "ia3"},
    MethodInfo{.name = "prefix",
               .layers = "frozen",
               .description = "keys and values in front of those of every block, prefix tuning",
               .trains = "virtual tokens",
               .is_sparse = false,
               .rate = 1e-2,
               .head_rate = 0.1,
               .published_rate = 1e-2,
               .published_head_rate = 0.1,
               .beside = "none",
               .adapter = "prefix"},
    MethodInfo{.name = "prompt",
               .layers = "frozen",
               .description = "embedded tokens in front of every sequence, prompt tuning",
               .trains = "virtual tokens",
               .is_sparse = false,
               .rate = 1e-2,
               .head_rate = 0.1,
               .published_rate = 1e-2,
               .published_head_rate = 0.1,
               .beside = "none",
               .adapter = "prompt"},
};

MethodInfo info_of(const pst::LinearMethod& method) {
  MethodInfo info{.name = method.name,
                  .layers = method.name,
                  .description = method.description,
                  .trains = method.trains,
                  .is_sparse = method.prunes,
                  .has_target = method.name != "masking",
                  .beside = method.name == "masking" || method.name == "diff" ? "none" : "biases,norms"};
  for (const Rates& each : rates)
    if (each.method == method.name) {
      info.rate = each.rate, info.score_rate = each.score_rate, info.head_rate = each.head_rate;
      info.published_rate = each.published_rate, info.published_score_rate = each.published_score_rate;
      info.published_head_rate = each.published_head_rate;
    }
  return info;
}

}  // namespace

double penalty_for(double sparsity) { return 40.0 * std::pow(1.0 - sparsity, -0.6); }

std::span<const MethodInfo> methods() {
  static const std::vector<MethodInfo> table = [] {
    std::vector<MethodInfo> made;
    for (const pst::LinearMethod& method : pst::linear_methods()) made.push_back(info_of(method));
    made.insert(made.end(), subsets.begin(), subsets.end());
    return made;
  }();
  return table;
}

const MethodInfo& method_named(std::string_view name) { return named(methods(), "method", name); }

Beside beside_of(const MethodSettings& settings) {
  const std::string_view text = settings.beside.empty() ? method_named(settings.name).beside : settings.beside;
  Beside beside;
  if (text == "none") return beside;
  for (std::string_view rest = text;;) {
    const std::string_view word = rest.substr(0, rest.find(','));
    bool& flag = word == "biases" ? beside.biases : beside.norms;
    pst::require((word == "biases" || word == "norms") && !flag, "what trains beside is \"", text.substr(0, 60),
                 "\", expected biases, norms, both with a comma between them, or none");
    flag = true;
    if (word.size() == rest.size()) return beside;
    rest.remove_prefix(word.size() + 1);
  }
}

void keep_mask(pst::LinearSpec& spec) { spec.selector = "nonzeros", spec.importance = "magnitude"; }

pst::LinearSpec layer_spec(const MethodSettings& settings, std::uint64_t seed) {
  pst::LinearSpec spec{.method = std::string{method_named(settings.name).layers},
                       .bias = beside_of(settings).biases ? "trained" : "frozen",
                       .seed = seed};
  if (settings.keep_mask) {
    pst::require(method_named(settings.name).layers != "masking",
                 "--keep-mask is given, but --method masking learns the mask: leave it out");
    pst::require(method_named(settings.name).layers != "diff",
                 "--keep-mask is given, but --method diff changes any weight, those that are zero too: leave it out");
    keep_mask(spec);
  }
  const auto set = [&](const char* option, auto& field, const auto& value) {
    if (pst::uses_option(spec, option)) {
      field = value;
    } else {  // a file of settings has every one, and none may mean nothing
      std::ostringstream text;
      text << value;
      pst::LinearSpec other;
      pst::set_option(other, option, text.str());
    }
  };
  set("sparsity", spec.sparsity, settings.sparsity);
  set("schedule", spec.schedule, settings.schedule);
  set("warmup", spec.warmup, settings.warmup);
  set("cooldown", spec.cooldown, settings.cooldown);
  set("delta_rank", spec.delta_rank, settings.delta_rank);
  set("score_rank", spec.score_rank, settings.score_rank);
  set("delta_start", spec.delta_start, settings.delta_start);
  set("score_factor_start", spec.score_factor_start, settings.score_factor_start);
  set("weighted_by", spec.weighted_by, settings.weighted_by);
  set("beta", spec.beta, settings.beta);
  set("alpha1", spec.alpha1, settings.alpha1);
  set("alpha2", spec.alpha2, settings.alpha2);
  set("scores", spec.scores, settings.scores);
  set("refresh", spec.refresh, settings.refresh);
  set("straight_through", spec.straight_through, settings.straight_through);
  set("score_start", spec.score_start, settings.score_start);
  set("threshold", spec.threshold, settings.threshold);
  set("masked", spec.masked, settings.masked);
  set("target", spec.target, settings.sparsity);
  set("gate_penalty", spec.gate_penalty, settings.gate_penalty);
  set("penalty", spec.penalty, settings.penalty > 0 ? settings.penalty : penalty_for(settings.sparsity));
  return spec;
}

namespace {

/// The layers of one model, which share a vector.
MakeLayer projected_layers(const MethodSettings& settings, std::uint64_t seed, const ModulePatterns& chosen) {
  pst::require(!beside_of(settings).biases,
               "biases are to train, but with --method intrinsic those of linear layers rest: choose --beside norms or "
               "none");
  const auto shared = std::make_shared<transformer::IntrinsicLayers>(transformer::IntrinsicDimension{
      .size = settings.dimension > 0 ? settings.dimension : usual_dimension, .scaled = settings.said, .seed = seed});
  const MakeLayer resting = transformer::layers_of<float>({.method = "frozen", .seed = seed});
  return [=, keeps = settings.keep_mask](const std::string& name, pst::Shape shape, std::uint64_t number) {
    if (!chosen.matches(name)) return resting(name, shape, number);
    Layer layer{name, shared->make(name, shape, keeps)};
    layer.shared = shared;
    return layer;
  };
}

}  // namespace

MakeLayer method_layers(const MethodSettings& settings, std::uint64_t seed, index_t blocks) {
  pst::require(settings.sparsity >= 0 && settings.sparsity < 1, "the sparsity is ", settings.sparsity,
               ", expected a number of at least 0 and below 1");
  const pst::LinearSpec spec = layer_spec(settings, seed);
  pst::check_spec(spec);
  const pst::LinearSpec resting{.method = "frozen", .seed = seed};
  const ModulePatterns chosen{settings.modules, settings.exclude, blocks};
  if (settings.name == "intrinsic") return projected_layers(settings, seed, chosen);
  return transformer::layers_by_name<float>(
      [=](const std::string& name) { return chosen.matches(name) ? spec : resting; });
}

void use_threads(int threads) {
  if (threads > 0) ::setenv("PST_NUM_THREADS", std::to_string(threads).c_str(), 1);
}

}  // namespace finetune
