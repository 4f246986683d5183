// SPDX-License-Identifier: Apache-2.0
#include "finetune/methods/method_options.hpp"

#include <pst/any/spec.hpp>
#include <pst/core/error.hpp>

#include <algorithm>
#include <string>

#include "finetune/methods/methods.hpp"

namespace finetune {

namespace {

/// The methods of the library of which `is_used` is true.
std::vector<std::string_view> methods_where(bool keeps_mask,
                                            const std::function<bool(const pst::LinearSpec&)>& is_used) {
  std::vector<std::string_view> names;
  for (const pst::LinearMethod& method : pst::linear_methods()) {
    pst::LinearSpec spec{.method = std::string{method.name}};
    if (keeps_mask) keep_mask(spec);
    if (is_used(spec)) names.push_back(method.name);
  }
  return names;
}

/// An option that is the library's `other`, or `also`.
MethodOption option(const char* name, std::string_view other, std::string_view also = {}) {
  const auto is_used = [=](const pst::LinearSpec& spec) {
    return pst::uses_option(spec, other) || (!also.empty() && pst::uses_option(spec, also));
  };
  return {name, methods_where(false, is_used), methods_where(true, is_used)};
}

std::vector<MethodOption> make_table() {
  return {
      option("--sparsity", "sparsity", "target"),
      option("--schedule", "schedule"),
      option("--warmup", "warmup"),
      option("--cooldown", "cooldown"),
      option("--rest", "cooldown"),
      option("--refresh", "refresh"),
      option("--straight-through", "straight_through"),
      option("--weighted-by", "weighted_by"),
      option("--scores", "scores"),
      option("--score-rate", "scores", "gate_penalty"),
      option("--delta-rank", "delta_rank"),
      option("--beta", "beta"),
      option("--delta-start", "delta_start"),
      option("--score-rank", "score_rank"),
      option("--score-factor-start", "score_factor_start"),
      option("--alpha1", "alpha1"),
      option("--alpha2", "alpha2"),
      option("--penalty", "penalty"),
      option("--score-start", "score_start"),
      option("--threshold", "threshold"),
      option("--masked", "masked"),
      option("--gate-penalty", "gate_penalty"),
      {"--gated-part", {"diff"}, {}},
      {"--kept-share", {"diff"}, {}},
      {"--dimension", {"intrinsic"}, {"intrinsic"}},
      {"--said", {"intrinsic"}, {"intrinsic"}},
      option("--fused", "refresh", "delta_rank"),  // where it matters how weights are put together in layers
  };
}

}  // namespace

std::span<const MethodOption> method_options() {
  static const std::vector<MethodOption> table = make_table();
  return table;
}

void refuse_unused_options(std::string_view method, bool keeps_mask,
                           const std::function<bool(const char* option)>& given) {
  const auto is_in = [method](const auto& list) { return std::ranges::find(list, method) != list.end(); };
  for (const MethodOption& option : method_options()) {
    if (!given(option.name)) continue;
    if (is_in(option.methods)) {
      pst::require(!keeps_mask || is_in(option.with_kept_mask), option.name,
                   " and --keep-mask are given, but --method ", method,
                   " does not use it where the mask is that of the folder: leave one of them out");
      continue;
    }
    std::string names;
    for (const std::string_view name : option.methods) names.append(names.empty() ? "" : ", ").append(name);
    pst::fail(option.name, " is given, but --method ", method, " does not use it, expected it with ", names,
              ": leave it out, or choose one of these");
  }
}

}  // namespace finetune
