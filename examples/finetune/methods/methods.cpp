// SPDX-License-Identifier: Apache-2.0
#include "finetune/methods/methods.hpp"

#include <pst/core/error.hpp>

#include <array>
#include <cmath>
#include <cstdlib>
#include <string>

#include "finetune/methods/layers.hpp"

namespace finetune {

namespace {

using Make = std::unique_ptr<Body> (*)(const BodyShape&, const MethodSettings&, std::uint64_t);

constexpr std::array method_table{
    MethodInfo{"pst", "low-rank update, learnt low-rank and structured scores (PST)", "U V, A B, R, C", true, 3e-4, 1.0,
               3.0},
    MethodInfo{"pst-ab", "PST without the structured scores R and C", "U V, A B", true, 3e-4, 1.0, 3.0},
    MethodInfo{"pst-rc", "PST without the low-rank scores A B", "U V, R, C", true, 3e-4, 1.0, 3.0},
    MethodInfo{"magnitude", "the smallest weights are pruned", "weights", true, 5e-5},
    MethodInfo{"movement", "weights that move towards zero are pruned", "weights and a score for each", true, 5e-5,
               100.0},
    MethodInfo{"soft-movement", "movement with a threshold and a penalty", "weights and a score for each", true, 5e-5,
               100.0},
    MethodInfo{"full", "dense fine-tuning", "weights", false, 5e-5},
    MethodInfo{"lora", "low-rank update of the dense weight", "U V", false, 3e-4, 1.0, 3.0},
};
constexpr std::array<Make, method_table.size()> makers{
    layers::make_pst,      layers::make_pst_ab,        layers::make_pst_rc,    layers::make_magnitude,
    layers::make_movement, layers::make_soft_movement, layers::make_magnitude, layers::make_lora};

void check_ranks(const MethodSettings& settings) {
  for (const auto& [name, rank] : {std::pair{"delta rank", settings.delta_rank}, {"score rank", settings.score_rank}})
    pst::require(rank >= 1 && rank <= 4096, "the ", name, " is ", rank, ", expected 1 to 4096");
  for (const auto& [name, scale] : {std::pair{"beta", settings.beta},
                                    {"alpha1", settings.alpha1},
                                    {"alpha2", settings.alpha2},
                                    {"penalty", settings.penalty}})
    pst::require(std::isfinite(scale) && scale >= 0, name, " is ", scale, ", expected a finite number of at least 0");
  pst::require(settings.score_start >= 0 && settings.score_start <= 1e6, "the score start is ", settings.score_start,
               ", expected 0 to ", 1e6);
}

/// Settings of a method that prunes nothing: the mask is made once and kept.
MethodSettings dense(MethodSettings settings) {
  settings.sparsity = 0.0;
  settings.schedule = "constant";
  settings.refresh = "until-0";
  settings.straight_through = "masked";
  return settings;
}

}  // namespace

StraightThrough straight_through_choice(const std::string& text) {
  if (text == "reference") return {};
  if (text == "masked") return {.rule = {}, .detached = true};
  if (text == "dense") return {.rule = {.pruned_learn = true}, .detached = true};
  pst::fail("--straight-through is \"", text, "\", expected reference, masked or dense");
}

ScheduleChoice schedule_choice(const MethodSettings& settings) {
  pst::require(settings.sparsity >= 0 && settings.sparsity < 1, "the sparsity is ", settings.sparsity,
               ", expected a number of at least 0 and below 1");
  pst::require(settings.warmup >= 0 && settings.cooldown >= 0 && settings.warmup + settings.cooldown < 1,
               "the schedule has a warm-up of ", settings.warmup, " and a cool-down of ", settings.cooldown,
               " of the run, expected fractions whose sum is below 1");
  if (settings.schedule == "cubic")
    return {pst::CubicSchedule{
        .final_sparsity = settings.sparsity, .warmup = settings.warmup, .cooldown = settings.cooldown}};
  if (settings.schedule == "linear") return {pst::LinearSchedule{.final_sparsity = settings.sparsity}};
  if (settings.schedule == "constant") return {pst::ConstantSchedule{.sparsity = settings.sparsity}};
  pst::fail("--schedule is \"", settings.schedule, "\", expected cubic, linear or constant");
}

double penalty_for(double sparsity) { return 40.0 * std::pow(1.0 - sparsity, -0.6); }

std::span<const MethodInfo> methods() { return method_table; }

const MethodInfo& method_named(std::string_view name) {
  std::string known;
  for (const MethodInfo& info : method_table) {
    if (info.name == name) return info;
    known.append(known.empty() ? "" : ", ").append(info.name);
  }
  pst::fail("there is no method \"", name.substr(0, 40), "\", expected one of ", known);
}

MakeBody make_method_body(const MethodSettings& settings, std::uint64_t seed) {
  const MethodInfo& info = method_named(settings.name);
  check_ranks(settings);
  static_cast<void>(schedule_choice(settings));
  static_cast<void>(straight_through_choice(settings.straight_through));
  static_cast<void>(common::score_choice(settings.scores));
  static_cast<void>(common::refresh_choice(settings.refresh));
  const Make make = makers[static_cast<std::size_t>(&info - method_table.data())];
  const MethodSettings chosen = info.is_sparse ? settings : dense(settings);
  return [make, chosen, seed](const BodyShape& shape) { return make(shape, chosen, seed); };
}

void use_threads(int threads) {
  if (threads > 0) ::setenv("PST_NUM_THREADS", std::to_string(threads).c_str(), 1);
}

}  // namespace finetune
