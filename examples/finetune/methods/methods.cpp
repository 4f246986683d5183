// SPDX-License-Identifier: Apache-2.0
#include "finetune/methods/methods.hpp"

#include <pst/core/error.hpp>

#include <array>
#include <cmath>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

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
};

MethodInfo info_of(const pst::LinearMethod& method) {
  MethodInfo info{method.name, method.description, method.trains, method.prunes};
  for (const Rates& each : rates)
    if (each.method == method.name)
      info = {method.name,
              method.description,
              method.trains,
              method.prunes,
              each.rate,
              each.score_rate,
              each.head_rate,
              each.published_rate,
              each.published_score_rate,
              each.published_head_rate};
  return info;
}

}  // namespace

double penalty_for(double sparsity) { return 40.0 * std::pow(1.0 - sparsity, -0.6); }

std::span<const MethodInfo> methods() {
  static const std::vector<MethodInfo> table = [] {
    std::vector<MethodInfo> made;
    for (const pst::LinearMethod& method : pst::linear_methods()) made.push_back(info_of(method));
    return made;
  }();
  return table;
}

const MethodInfo& method_named(std::string_view name) {
  const pst::LinearMethod& method = pst::linear_method(name);
  return methods()[static_cast<std::size_t>(&method - pst::linear_methods().data())];
}

pst::LinearSpec layer_spec(const MethodSettings& settings, std::uint64_t seed) {
  pst::LinearSpec spec{.method = std::string{pst::linear_method(settings.name).name}, .bias = "trained", .seed = seed};
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
  set("beta", spec.beta, settings.beta);
  set("alpha1", spec.alpha1, settings.alpha1);
  set("alpha2", spec.alpha2, settings.alpha2);
  set("scores", spec.scores, settings.scores);
  set("refresh", spec.refresh, settings.refresh);
  set("straight_through", spec.straight_through, settings.straight_through);
  set("score_start", spec.score_start, settings.score_start);
  set("target", spec.target, settings.sparsity);
  set("penalty", spec.penalty, settings.penalty > 0 ? settings.penalty : penalty_for(settings.sparsity));
  return spec;
}

MakeLayer method_layers(const MethodSettings& settings, std::uint64_t seed) {
  pst::require(settings.sparsity >= 0 && settings.sparsity < 1, "the sparsity is ", settings.sparsity,
               ", expected a number of at least 0 and below 1");
  const pst::LinearSpec spec = layer_spec(settings, seed);
  pst::check_spec(spec);
  return transformer::layers_of<float>(spec);
}

void use_threads(int threads) {
  if (threads > 0) ::setenv("PST_NUM_THREADS", std::to_string(threads).c_str(), 1);
}

}  // namespace finetune
