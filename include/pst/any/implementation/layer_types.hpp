// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "pst/any/implementation/composition.hpp"
#include "pst/any/linear_of.hpp"
#include "pst/any/policies/read_choices.hpp"
#include "pst/any/policies/score_sum.hpp"
#include "pst/any/policies/update_choice.hpp"
#include "pst/backend/eigen_cpu.hpp"
#include "pst/bias/frozen_bias.hpp"
#include "pst/bias/trained_bias.hpp"
#include "pst/delta/frozen.hpp"
#include "pst/delta/full.hpp"
#include "pst/delta/gated.hpp"
#include "pst/delta/low_rank.hpp"
#include "pst/importance/magnitude.hpp"
#include "pst/importance/sum.hpp"
#include "pst/importance/wanda.hpp"
#include "pst/layer/sparse_linear.hpp"
#include "pst/storage/stored_as.hpp"

/// The layer types that the library's methods are made of.
///
/// What decides how a weight is computed is a type: the terms of the score, which are added up in one sweep over the
/// weight, the update, and the numbers that are stored. All else is chosen at run time, once a step or a block of rows.
/// Sums of metrics that no method has are ScoreSum, with a sweep for each metric.
namespace pst::PST_ABI::detail {

using LowRankMetric = LowRankScore<RankChoice, StartChoice>;
using LowRankUpdate = LowRank<RankChoice, StartChoice>;

[[nodiscard]] inline LowRankMetric low_rank_metric(const LinearSpec& spec) {
  return {.scale = spec.alpha1,
          .rank = rank_choice(spec.score_rank, spec.score_energy),
          .start = start_choice(spec.score_factor_start)};
}
inline void set_delta(LowRankUpdate& delta, const LinearSpec& spec, const Composition&) {
  delta = {.scale = spec.beta,
           .rank = rank_choice(spec.delta_rank, spec.delta_energy),
           .start = start_choice(spec.delta_start)};
}
inline void set_delta(UpdateChoice& delta, const LinearSpec& spec, const Composition& composition) {
  set_delta(delta.product, spec, composition);
  delta.scales_rows = composition.delta == Composition::Delta::dora;
}
inline void set_delta(Gated& delta, const LinearSpec& spec, const Composition&) {
  delta = {.penalty = spec.gate_penalty, .first_gate = spec.gate_start};
}
inline void set_delta(Full&, const LinearSpec&, const Composition&) {}
inline void set_delta(Frozen&, const LinearSpec&, const Composition&) {}

/// Magnitude where nothing weighs it, and its bits.
[[nodiscard]] inline Wanda weighted_magnitude(const LinearSpec& spec) {
  return {.inputs = spec.weighted_by != "nothing", .gradients = spec.weighted_by == "both"};
}
inline void set_metric(Magnitude&, const LinearSpec&, const Composition&) {}
inline void set_metric(Wanda& metric, const LinearSpec& spec, const Composition&) { metric = weighted_magnitude(spec); }
inline void set_metric(LowRankMetric& metric, const LinearSpec& spec, const Composition&) {
  metric = low_rank_metric(spec);
}
inline void set_metric(RowColumnScore& metric, const LinearSpec& spec, const Composition&) {
  metric.scale = spec.alpha2;
}
template <class... Terms>
void set_metric(Sum<Terms...>& sum, const LinearSpec& spec, const Composition& composition) {
  (set_metric(sum.template term<Terms>(), spec, composition), ...);
}
inline void set_metric(ScoreSum& sum, const LinearSpec& spec, const Composition& composition) {
  if (composition.magnitude) sum.magnitude = weighted_magnitude(spec);
  if (composition.low_rank) sum.low_rank = low_rank_metric(spec);
  if (composition.row_column) sum.row_column = {.scale = spec.alpha2};
  if (composition.movement) sum.movement = {.start = spec.score_start};
  if (composition.masking) sum.movement = {.drawn = masking_range(spec.threshold, spec.masked)};
  if (composition.soft_movement)
    sum.soft_movement = {.initial_score = spec.initial_score, .penalty = spec.penalty, .target_sparsity = spec.target};
}

/// The options that every type has.
template <class Options>
[[nodiscard]] Options layer_options(const LinearSpec& spec, const Composition& composition) {
  Options options;
  set_metric(options.importance, spec, composition);
  set_delta(options.delta, spec, composition);
  if (composition.soft_movement)
    options.selector = {Threshold{}};
  else if (composition.masking)
    options.selector = {Threshold{spec.threshold}};
  else
    options.selector =
        composition.prunes || keeps_as_given(spec) ? selector_choice(spec.selector) : SelectorChoice{KeepAll{}};
  options.schedule = composition.ranks() ? schedule_choice(spec) : ScheduleChoice{ConstantSchedule{.sparsity = 0.0}};
  options.straight_through = straight_through_choice(composition.prunes ? spec.straight_through : "masked");
  if (composition.scores_learn())
    options.score_gradient = score_gradient_choice(spec.scores);
  else
    options.score_gradient = {ScoreRestAfter{0.0}};
  options.refresh = composition.prunes ? refresh_choice(spec.refresh) : RefreshChoice{RefreshUntil{.progress = 0.0}};
  options.seed = spec.seed;
  options.name = spec.name;
  options.dense_above_density = spec.dense_above_density;
  return options;
}

/// A layer of one metric and one update.
template <class Scalar, class Metric, class Delta, class Storage = StoredAsScalar>
[[nodiscard]] std::unique_ptr<LinearInterface<Scalar>> make_layer(const LinearSpec& spec,
                                                                  const Composition& composition, Shape shape,
                                                                  const SharedCpu& on) {
  const auto make = [&]<class Bias>(Bias) -> std::unique_ptr<LinearInterface<Scalar>> {
    using Layer = SparseLinear<Scalar, Metric, Delta, SelectorChoice, ScheduleChoice, StraightThroughChoice, Bias,
                               EigenCpu, ScoreGradientChoice, RefreshChoice, Storage>;
    const auto own = [&] { return spec.threads > 0 ? EigenCpu{spec.threads} : EigenCpu{}; };
    return std::make_unique<LinearOf<Layer>>(
        Layer{shape, layer_options<typename Layer::Options>(spec, composition), on.template backend_or<EigenCpu>(own)});
  };
  if (spec.bias == "trained") return make(TrainedBias{});
  return make(FrozenBias{});
}

/// The metrics that a low-rank update has its own type for; all others, and rows that are scaled, have one together.
template <class Scalar>
[[nodiscard]] std::unique_ptr<LinearInterface<Scalar>> make_low_rank_layer(const LinearSpec& spec,
                                                                           const Composition& parts, Shape shape,
                                                                           const SharedCpu& on) {
  const bool plain = parts.delta == Composition::Delta::low_rank;
  if (plain && parts.magnitude && !parts.movement && !parts.has_threshold()) {
    if (parts.low_rank && parts.row_column)
      return make_layer<Scalar, Sum<Wanda, LowRankMetric, RowColumnScore>, LowRankUpdate>(spec, parts, shape, on);
    if (parts.low_rank) return make_layer<Scalar, Sum<Wanda, LowRankMetric>, LowRankUpdate>(spec, parts, shape, on);
    if (parts.row_column) return make_layer<Scalar, Sum<Wanda, RowColumnScore>, LowRankUpdate>(spec, parts, shape, on);
    return make_layer<Scalar, Wanda, LowRankUpdate>(spec, parts, shape, on);
  }
  return make_layer<Scalar, ScoreSum, UpdateChoice>(spec, parts, shape, on);
}

/// A weight that is stored in 16 bits, which does not train itself.
template <class Storage>
[[nodiscard]] std::unique_ptr<LinearInterface<float>> make_stored_layer(const LinearSpec& spec,
                                                                        const Composition& parts, Shape shape,
                                                                        const SharedCpu& on) {
  if (parts.updates_by_product()) return make_layer<float, ScoreSum, UpdateChoice, Storage>(spec, parts, shape, on);
  return make_layer<float, ScoreSum, Frozen, Storage>(spec, parts, shape, on);
}

/// The layer that a specification of the library's methods describes.
template <class Scalar>
[[nodiscard]] std::unique_ptr<LinearInterface<Scalar>> make_known_layer(const LinearSpec& spec,
                                                                        const Composition& parts, Shape shape,
                                                                        const SharedCpu& on) {
  if (spec.storage != "scalar") {
    if constexpr (std::is_same_v<Scalar, float>) {
      if (spec.storage == "bf16") return make_stored_layer<StoredAs<BFloat16>>(spec, parts, shape, on);
      return make_stored_layer<StoredAs<Half>>(spec, parts, shape, on);
    }
    fail("storage is ", spec.storage, ", but the layer computes in double: expected scalar");
  }
  if (parts.updates_by_product()) return make_low_rank_layer<Scalar>(spec, parts, shape, on);
  if (parts.delta == Composition::Delta::gated) return make_layer<Scalar, Magnitude, Gated>(spec, parts, shape, on);
  if (parts.delta == Composition::Delta::frozen) return make_layer<Scalar, ScoreSum, Frozen>(spec, parts, shape, on);
  if (parts.magnitude && !parts.scores_learn()) return make_layer<Scalar, Wanda, Full>(spec, parts, shape, on);
  return make_layer<Scalar, ScoreSum, Full>(spec, parts, shape, on);
}

}  // namespace pst::PST_ABI::detail
