// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <limits>
#include <numeric>

#include "pst/concepts/score_gradient.hpp"
#include "pst/concepts/straight_through.hpp"
#include "pst/core/checks.hpp"
#include "pst/core/functors.hpp"
#include "pst/core/matrix.hpp"
#include "pst/core/work_plan.hpp"

/// How a batch becomes gradients: G = grad_y^T x one tile at a time, at the kept weights alone, or not at all.
namespace pst::PST_ABI::detail {

/// What a step needs of G, from the cheapest to the most expensive.
enum class NeededGradient {
  none,         ///< nothing learns
  activations,  ///< a low-rank update learns from all of G: its gradient is formed without G
  sampled,      ///< the scores alone learn, from a sample of the tokens
  kept,         ///< the update learns where weights are kept; the scores from a sample of the tokens, or not at all
  everywhere    ///< every tile of G, from all tokens
};

/// What the gradient of a step is needed for.
template <class Weight>
[[nodiscard]] NeededGradient needed_gradient(const Weight& weight, bool update_learns, bool scores_learn,
                                             bool update_is_low_rank, Passes passes, const ScoreLearning& scores) {
  if (!update_learns) {
    if (!scores_learn) return NeededGradient::none;
    return scores.token_stride > 1 ? NeededGradient::sampled : NeededGradient::everywhere;
  }
  const bool whole = passes == Passes::all || (passes == Passes::kept && weight.nothing_pruned());
  if (!scores_learn && whole && update_is_low_rank) return NeededGradient::activations;
  const bool rests_or_samples = !scores_learn || scores.token_stride > 1;
  if (rests_or_samples && passes == Passes::kept && weight.compressed_in_use()) return NeededGradient::kept;
  return NeededGradient::everywhere;
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
template <class B, class T>
void add_bias_gradient(B& on, const WorkPlan& plan, MatrixView<const T, typename B::space> grad_y,
                       MatrixView<T, typename B::space> grad_bias) {
  on.for_each_part(plan.parts(), [&](index_t part, index_t) {
    const index_t first = part * plan.rows_per_part, count = std::min(plan.rows_per_part, plan.shape.out - first);
    on.column_sums(1.0, grad_y.middle_cols(first, count), grad_bias.middle_cols(first, count));
  });
}

/// Learns from G of a tile, which is in `gradient_tile`; scores that have a sample of the tokens from a G of their own.
template <class Weight, class StraightThrough>
void learn_from(Weight& weight, const StraightThrough& rule, const ScoreLearning& scores, Tile tile,
                typename Weight::ConstView x, typename Weight::ConstView grad_y) {
  if (!scores.learns) return weight.learn_weight(tile, rule);
  if (scores.token_stride == 1) return weight.learn(tile, rule);
  const auto sampled = weight.score_gradient_tile(tile);
  form_gradient(weight.backend(), tile, grad_y, x, scores, sampled);
  weight.learn_apart(tile, rule, sampled);
}

/// Every weight's G, from all tokens, teaches the weight, and the scores, if they learn, unless they have a sample of
/// the tokens.
template <class Weight, class StraightThrough>
void learn_everywhere(Weight& weight, const StraightThrough& rule, const ScoreLearning& scores,
                      typename Weight::ConstView x, typename Weight::ConstView grad_y) {
  weight.for_each_tile([&](Tile tile) {
    form_gradient(weight.backend(), tile, grad_y, x, ScoreLearning{}, weight.gradient_tile(tile));
    learn_from(weight, rule, scores, tile, x, grad_y);
  });
}

/// The weight learns from G at kept weights alone, and the scores, if they learn, from a sample of the tokens.
template <class Weight, class StraightThrough>
void learn_where_kept(Weight& weight, const StraightThrough& rule, const ScoreLearning& scores,
                      typename Weight::ConstView x, typename Weight::ConstView grad_y) {
  auto& on = weight.backend();
  weight.kept_weight().find_gradient(on, grad_y, x, weight.workspace());
  weight.for_each_tile([&](Tile tile) {
    weight.kept_weight().expand_gradient(on, tile, weight.gradient_tile(tile));
    learn_from(weight, rule, scores, tile, x, grad_y);
  });
}

/// The scores learn from a sample of the tokens; nothing else does.
template <class Weight, class StraightThrough>
void learn_from_sample(Weight& weight, const StraightThrough& rule, const ScoreLearning& scores,
                       typename Weight::ConstView x, typename Weight::ConstView grad_y) {
  weight.for_each_tile([&](Tile tile) {
    form_gradient(weight.backend(), tile, grad_y, x, scores, weight.gradient_tile(tile));
    weight.learn(tile, rule);
  });
}

/// The norm of a matrix; parts of its rows are looked at by several threads.
template <class B, class T>
[[nodiscard]] double norm_of(B& on, MatrixView<const T, typename B::space> view) {
  constexpr index_t most_parts = 64, least_rows = 64;
  const index_t rows = std::max(least_rows, (view.rows + most_parts - 1) / most_parts);
  std::array<double, most_parts> squares{};
  on.for_each_part((view.rows + rows - 1) / rows, [&](index_t part, index_t) {
    const index_t first = part * rows;
    squares[static_cast<std::size_t>(part)] =
        on.squared_norm(view.middle_rows(first, std::min(rows, view.rows - first)));
  });
  return std::sqrt(std::accumulate(squares.begin(), squares.end(), 0.0));
}

/// Whether the norms of x and grad_y tell that G = grad_y^T x, times `scale`, has neither NaN nor Inf, nor has any sum
/// on the way to it, by the inequality of Cauchy and Schwarz. False where they do not tell.
template <class B, class T>
[[nodiscard]] bool norms_bound_gradient(B& on, MatrixView<const T, typename B::space> x,
                                        MatrixView<const T, typename B::space> grad_y, double scale = 1.0) {
  constexpr double most = static_cast<double>(std::numeric_limits<T>::max()) / 4;
  return norm_of(on, x) * norm_of(on, grad_y) * scale < most;  // NaN is not below anything
}

/// Whether G = grad_y^T x has neither NaN nor Inf, nor has any sum on the way to it, times `scale`. As a rule the norms
/// of x and grad_y tell; where they are too large for that, G is formed.
template <class Weight>
[[nodiscard]] bool gradient_is_finite(Weight& weight, typename Weight::ConstView x, typename Weight::ConstView grad_y,
                                      double scale) {
  auto& on = weight.backend();
  if (norms_bound_gradient(on, x, grad_y, scale)) return true;
  if (!all_finite(on, x) || !all_finite(on, grad_y)) return false;
  std::atomic<bool> finite{true};
  weight.for_each_tile([&](Tile tile) {
    const auto gradient = weight.gradient_tile(tile);
    form_gradient(on, tile, grad_y, x, ScoreLearning{}, gradient);
    on.map(gradient, functors::Scale{scale}, typename Weight::ConstView{gradient});
    if (!on.all_finite(gradient)) finite.store(false, std::memory_order_relaxed);
  });
  return finite;
}

}  // namespace pst::PST_ABI::detail
