// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/pst.hpp>

#include <cstdint>
#include <memory>

#include "common/choices.hpp"
#include "finetune/methods/methods.hpp"

namespace finetune::layers {

/// What all methods share; each adds an importance metric and a weight update, and is compiled in a file of its own.
using Base = pst::SparseLinear<>::with<pst::TrainedBias>::with<ScheduleChoice>::with<StraightThroughChoice>::with<
    common::ScoreChoice>::with<common::RefreshChoice>;

/// The options that every method has.
template <class Layer>
[[nodiscard]] typename Layer::Options common_options(const MethodSettings& settings, std::uint64_t seed) {
  typename Layer::Options options;
  options.schedule = schedule_choice(settings);
  options.straight_through = straight_through_choice(settings.straight_through).rule;
  options.score_gradient = common::score_choice(settings.scores);
  options.refresh = common::refresh_choice(settings.refresh);
  options.seed = seed;
  return options;
}
[[nodiscard]] inline WeightScore weight_score(const MethodSettings& settings) {
  return {.detached = straight_through_choice(settings.straight_through).detached};
}
[[nodiscard]] inline pst::LowRank<pst::DynamicRank> low_rank_delta(const MethodSettings& settings) {
  return {.scale = settings.beta, .rank = {settings.delta_rank}};
}

using Score = pst::LowRankScore<pst::DynamicRank>;
[[nodiscard]] inline Score low_rank_score(const MethodSettings& settings) {
  return {.scale = settings.alpha1, .rank = {settings.score_rank}};
}

[[nodiscard]] std::unique_ptr<Body> make_pst(const BodyShape& shape, const MethodSettings& settings,
                                             std::uint64_t seed);
[[nodiscard]] std::unique_ptr<Body> make_pst_ab(const BodyShape& shape, const MethodSettings& settings,
                                                std::uint64_t seed);
[[nodiscard]] std::unique_ptr<Body> make_pst_rc(const BodyShape& shape, const MethodSettings& settings,
                                                std::uint64_t seed);
/// `full` is magnitude pruning that prunes nothing.
[[nodiscard]] std::unique_ptr<Body> make_magnitude(const BodyShape& shape, const MethodSettings& settings,
                                                   std::uint64_t seed);
[[nodiscard]] std::unique_ptr<Body> make_movement(const BodyShape& shape, const MethodSettings& settings,
                                                  std::uint64_t seed);
[[nodiscard]] std::unique_ptr<Body> make_soft_movement(const BodyShape& shape, const MethodSettings& settings,
                                                       std::uint64_t seed);
[[nodiscard]] std::unique_ptr<Body> make_lora(const BodyShape& shape, const MethodSettings& settings,
                                              std::uint64_t seed);

}  // namespace finetune::layers
