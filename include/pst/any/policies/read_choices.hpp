// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "pst/any/number_text.hpp"
#include "pst/any/policies/rank_choice.hpp"
#include "pst/any/policies/refresh_choice.hpp"
#include "pst/any/policies/schedule_choice.hpp"
#include "pst/any/policies/score_gradient_choice.hpp"
#include "pst/any/policies/selector_choice.hpp"
#include "pst/any/policies/start_choice.hpp"
#include "pst/any/policies/straight_through_choice.hpp"
#include "pst/any/spec.hpp"
#include "pst/core/error.hpp"

/// Policies from the words of a LinearSpec. Each throws Error on a word that it does not know, with those that it does.
namespace pst::PST_ABI {

namespace detail {
[[nodiscard]] inline bool is_fraction(const std::optional<double>& value) {
  return value && *value >= 0 && *value <= 1;
}
}  // namespace detail

/// "every", "every-K", "sample-K" or "rest-P".
/// @ingroup any
[[nodiscard]] inline ScoreGradientChoice score_gradient_choice(std::string_view text) {
  using detail::number_after;
  if (text == "every") return {};
  if (const auto k = number_after<std::uint64_t>("every-", text); k && *k > 0) return {ScoreEveryKthStep{*k}};
  if (const auto k = number_after<index_t>("sample-", text); k && *k > 0) return {ScoreTokenSample{*k}};
  if (const auto p = number_after<double>("rest-", text); detail::is_fraction(p)) return {ScoreRestAfter{*p}};
  fail("scores is \"", text, "\", expected every, every-K, sample-K (one token in K) or rest-P (P from 0 to 1)");
}

/// "every", "every-K" or "until-P".
/// @ingroup any
[[nodiscard]] inline RefreshChoice refresh_choice(std::string_view text) {
  using detail::number_after;
  if (text == "every") return {};
  if (const auto k = number_after<std::uint64_t>("every-", text); k && *k > 0) return {RefreshEveryKthStep{*k}};
  if (const auto p = number_after<double>("until-", text); detail::is_fraction(p)) return {RefreshUntil{*p}};
  fail("refresh is \"", text, "\", expected every, every-K or until-P (P from 0 to 1)");
}

/// "normal", "per-weight" or "kaiming".
/// @ingroup any
[[nodiscard]] inline StartChoice start_choice(std::string_view text) {
  if (text == "normal") return {NormalStart{}};
  if (text == "per-weight") return {PerWeightStart{}};
  if (text == "kaiming") return {KaimingStart{}};
  fail("the start of factors is \"", text, "\", expected normal, per-weight or kaiming");
}

/// "reference", "masked" or "dense".
/// @ingroup any
[[nodiscard]] inline StraightThroughChoice straight_through_choice(std::string_view text) {
  if (text == "reference") return {.pruned_learn = false, .learns_through_score = true};
  if (text == "masked") return {.pruned_learn = false, .learns_through_score = false};
  if (text == "dense") return {.pruned_learn = true, .learns_through_score = false};
  fail("straight_through is \"", text, "\", expected reference, masked or dense");
}

/// The names in LinearSpec::selector.
/// @ingroup any
[[nodiscard]] inline SelectorChoice selector_choice(std::string_view text) {
  if (text == "top-k") return {GlobalTopK{}};
  if (text == "global") return {.policy = GlobalTopK{}, .shares_budget = true};
  if (text == "per-row") return {PerRow{}};
  if (text == "rows") return {Rows{}};
  if (text == "columns") return {Columns{}};
  if (text == "all") return {KeepAll{}};
  if (text == "nonzeros") return {KeepNonZeros{}};
  if (text == "1:4") return {NofM<1, 4>{}};
  if (text == "2:4") return {NofM<2, 4>{}};
  if (text == "4:8") return {NofM<4, 8>{}};
  if (text == "block-1x4") return {Block<1, 4>{}};
  if (text == "block-1x8") return {Block<1, 8>{}};
  if (text == "block-1x16") return {Block<1, 16>{}};
  if (const auto value = detail::number_after<double>("threshold-", text)) return {Threshold{*value}};
  fail("selector is \"", text,
       "\", expected top-k, global, per-row, rows, columns, threshold-T, 1:4, 2:4, 4:8, "
       "block-1x4, block-1x8, block-1x16, all or nonzeros");
}

/// The schedule that a specification describes. Throws Error when its numbers are out of range.
/// @ingroup any
[[nodiscard]] inline ScheduleChoice schedule_choice(const LinearSpec& spec) {
  require(spec.sparsity >= 0 && spec.sparsity < 1, "the sparsity is ", spec.sparsity,
          ", expected a number of at least 0 and below 1");
  require(spec.initial_sparsity >= 0 && spec.initial_sparsity < 1, "the initial sparsity is ", spec.initial_sparsity,
          ", expected a number of at least 0 and below 1");
  require(spec.warmup >= 0 && spec.cooldown >= 0 && spec.warmup + spec.cooldown <= 1, "the schedule has a warm-up of ",
          spec.warmup, " and a cool-down of ", spec.cooldown, " of the run, expected fractions whose sum is at most 1");
  if (spec.schedule == "cubic")
    return {CubicSchedule{.initial_sparsity = spec.initial_sparsity,
                          .final_sparsity = spec.sparsity,
                          .warmup = spec.warmup,
                          .cooldown = spec.cooldown}};
  if (spec.schedule == "linear")
    return {LinearSchedule{.initial_sparsity = spec.initial_sparsity, .final_sparsity = spec.sparsity}};
  if (spec.schedule == "constant") return {ConstantSchedule{.sparsity = spec.sparsity}};
  fail("schedule is \"", spec.schedule, "\", expected cubic, linear or constant");
}

/// At most `rank`; the smallest that holds `energy`, where that is above 0.
/// @ingroup any
[[nodiscard]] inline RankChoice rank_choice(index_t rank, double energy) {
  if (energy > 0) return {EnergyRank{.energy = energy, .limit = rank}};
  return {DynamicRank{rank}};
}

}  // namespace pst::PST_ABI
