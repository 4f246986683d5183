// SPDX-License-Identifier: Apache-2.0
#include "methods.hpp"

#include <pst/core/error.hpp>

#include <algorithm>
#include <cmath>
#include <string>

namespace digits {

const MethodInfo& method_named(std::string_view name) {
  std::string known;
  for (const MethodInfo& info : method_table) {
    if (info.name == name) return info;
    known += (known.empty() ? "" : ", ") + std::string{info.name};
  }
  pst::fail("--methods has \"", name, "\", expected some of: ", known);
}

std::size_t place_of(const MethodInfo& info) {
  return static_cast<std::size_t>(std::ranges::find(method_table, info.name, &MethodInfo::name) - method_table.begin());
}

double penalty_for(double sparsity) { return 2.6 * std::pow(1.0 - sparsity, -0.6); }

pst::LinearSpec spec_of(const MethodInfo& info, const Settings& settings, double sparsity) {
  pst::LinearSpec spec{.method = std::string{info.method}, .bias = "trained"};
  const auto set = [&](const char* option, auto& field, const auto& value) {
    if (pst::uses_option(spec, option)) field = value;
  };
  set("sparsity", spec.sparsity, sparsity);
  set("refresh", spec.refresh, settings.refresh);
  set("scores", spec.scores, settings.scores);
  set("weighted_by", spec.weighted_by, settings.weighted_by);
  set("delta_rank", spec.delta_rank, settings.delta_rank);
  set("beta", spec.beta, settings.factor_scale.value_or(spec.beta));
  set("alpha1", spec.alpha1, settings.factor_scale.value_or(spec.alpha1));
  if (!settings.reference) {
    set("delta_start", spec.delta_start, "per-weight");
    set("score_factor_start", spec.score_factor_start, "per-weight");
  }
  set("penalty", spec.penalty, settings.penalty.value_or(penalty_for(sparsity)));
  if (info.method == "magnitude") spec.straight_through = "masked";
  return spec;
}

}  // namespace digits
