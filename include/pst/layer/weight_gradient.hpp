// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>

#include "pst/concepts/score_gradient.hpp"
#include "pst/core/tile_scratch.hpp"
#include "pst/layer/checks.hpp"
#include "pst/layer/masked_weight.hpp"

/// How a batch becomes gradients: G = grad_y^T x one tile at a time, or at the kept weights alone.
namespace pst::detail {

/// Whether a pruned weight learns nothing: G is then needed where weights are kept alone, unless scores want it.
template <class Scalar, class StraightThrough>
[[nodiscard]] bool pruned_rest(const StraightThrough& rule) {
  return rule(Scalar{1}, false) == Scalar{0};
}

/// out = scale * grad_y^T x of a tile, from one token in `stride`, beginning at `first`.
template <class B, class T>
void form_gradient(B& on, Tile tile, ViewOn<B, const T> grad_y, ViewOn<B, const T> x, const ScoreLearning& tokens,
                   ViewOn<B, T> out) {
  const auto sample = [&](ViewOn<B, const T> all) {
    const index_t left = all.rows - tokens.first_token, stride = tokens.token_stride;
    const index_t count = left > 0 ? (left + stride - 1) / stride : 0;
    const index_t first = count > 0 ? tokens.first_token : 0;
    return ViewOn<B, const T>{all.row(first), count, all.cols, all.row_stride * stride};
  };
  on.fill(out, T{0});
  on.gemm_tn(static_cast<double>(tokens.token_stride), sample(grad_y.middle_cols(tile.row, tile.rows)),
             sample(tile.cols_of(x)), out);
}

/// grad_bias (1 x out) += the sums of grad_y over the tokens.
template <class Weight>
void add_bias_gradient(Weight& weight, typename Weight::ConstView grad_y, typename Weight::MutableView grad_bias) {
  auto& on = weight.backend();
  const WorkPlan& plan = weight.layout().plan;
  on.for_each_part(plan.parts(), [&](index_t part, index_t) {
    const index_t first = part * plan.rows_per_part, count = std::min(plan.rows_per_part, plan.shape.out - first);
    on.column_sums(1.0, grad_y.middle_cols(first, count), grad_bias.middle_cols(first, count));
  });
}

/// Learns from G of a tile, which is in `gradient_tile`; scores that have a sample of the tokens from a G of their own,
/// which may not be finite.
template <class Weight, class StraightThrough>
void learn_from(Weight& weight, const StraightThrough& rule, const ScoreLearning& scores, Tile tile,
                typename Weight::ConstView x, typename Weight::ConstView grad_y, std::atomic<bool>& finite) {
  if (!scores.learns) return weight.learn_weight(tile, rule);
  if (scores.token_stride == 1) return weight.learn(tile, rule);
  const auto sampled = weight.score_gradient_tile(tile);
  form_gradient(weight.backend(), tile, grad_y, x, scores, sampled);
  if (!weight.backend().all_finite(sampled)) return finite.store(false, std::memory_order_relaxed);
  weight.learn_apart(tile, rule, sampled);
}

/// Every weight's G, from all tokens, teaches the weight, and the scores, if they learn, unless they have a sample of
/// the tokens. False when G is not finite.
template <class Weight, class StraightThrough>
[[nodiscard]] bool learn_everywhere(Weight& weight, const StraightThrough& rule, const ScoreLearning& scores,
                                    typename Weight::ConstView x, typename Weight::ConstView grad_y) {
  std::atomic<bool> finite{true};
  weight.for_each_tile([&](Tile tile) {
    const auto gradient = weight.gradient_tile(tile);
    form_gradient(weight.backend(), tile, grad_y, x, ScoreLearning{}, gradient);
    if (!weight.backend().all_finite(gradient)) return finite.store(false, std::memory_order_relaxed);
    learn_from(weight, rule, scores, tile, x, grad_y, finite);
  });
  weight.finish_backward();
  return finite;
}

/// The weight learns from G at kept weights alone, and the scores, if they learn, from a sample of the tokens. False
/// when G is not finite.
template <class Weight, class StraightThrough>
[[nodiscard]] bool learn_where_kept(Weight& weight, const StraightThrough& rule, const ScoreLearning& scores,
                                    typename Weight::ConstView x, typename Weight::ConstView grad_y) {
  if (!all_finite(weight.backend(), x) || !all_finite(weight.backend(), grad_y) ||
      !weight.find_kept_gradient(grad_y, x))
    return false;
  std::atomic<bool> finite{true};
  weight.for_each_tile([&](Tile tile) {
    weight.expand_kept_gradient(tile);
    learn_from(weight, rule, scores, tile, x, grad_y, finite);
  });
  weight.finish_backward();
  return finite;
}

}  // namespace pst::detail
