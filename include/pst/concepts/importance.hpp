// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <string_view>
#include <type_traits>

#include "pst/concepts/role.hpp"
#include "pst/core/factor.hpp"
#include "pst/core/matrix.hpp"
#include "pst/core/work_plan.hpp"

/// @defgroup importance Importance metrics
/// How much each weight matters; the lowest scores are pruned. Scores add up: `Sum<...>` is a metric too.
namespace pst::PST_ABI {

namespace detail {
/// Any visitor of trained matrices.
template <class B, class Scalar>
struct ParameterVisitor {
  void operator()(TrainedMatrix<B, Scalar>&) const {}
};
/// Any visitor of what a metric measures.
template <class B, class Scalar>
struct StatisticVisitor {
  void operator()(std::string_view, ViewOn<B, Scalar>) const {}
};
}  // namespace detail

/// `State<Backend, Scalar>` is what a policy stores for one layer.
template <class Policy, class B, class Scalar>
concept HasAState = requires {
  typename Policy::template State<B, Scalar>;
};

/// `learns`, a constant, says whether the policy has parameters.
template <class Policy>
concept SaysWhetherItLearns = requires {
  typename std::bool_constant<Policy::learns>;
};

/// `State(metric, backend, layout, weight)` makes what is stored for one layer. Its trained matrices have no memory
/// yet.
template <class State, class Policy, class B, class Scalar>
concept IsMadeForALayer = requires(const Policy& policy, B& on, const LayerLayout& layout,
                                   ViewOn<B, const Scalar> weight) {
  State{policy, on, layout, weight};
};

/// `score(backend, tile, weight, scores)` adds to the scores of a block of rows.
template <class State, class B, class Scalar>
concept ScoresWeights = requires(const State& state, B& on, Tile tile, ViewOn<B, const Scalar> weight,
                                 ViewOn<B, Scalar> scores) {
  { state.score(on, tile, weight, scores) } -> std::same_as<void>;
};

/// Not asked of a metric: `score_terms(tile, weight)` gives what `score` adds as a tuple of terms (core/terms.hpp), for
/// a weight that is a view or any other term. Scores are then computed in one sweep.
template <class State, class B, class Scalar>
concept ScoresByTerms = requires(const State& state, Tile tile, ViewOn<B, const Scalar> weight) {
  state.score_terms(tile, weight);
};

/// `backward(backend, tile, weight, grad_scores, grad_weight)` learns from the gradient of a block's scores and adds
/// to `grad_weight` what flows back through the score.
template <class State, class B, class Scalar>
concept LearnsFromScoreGradient = requires(State& state, B& on, Tile tile, ViewOn<B, const Scalar> weight,
                                           ViewOn<B, const Scalar> grad_scores, ViewOn<B, Scalar> grad_weight) {
  { state.backward(on, tile, weight, grad_scores, grad_weight) } -> std::same_as<void>;
};

/// `finish_backward(backend)` completes the gradients of a batch; the layer has set them to zero when a step began.
template <class State, class B>
concept CompletesGradients = requires(State& state, B& on) {
  { state.finish_backward(on) } -> std::same_as<void>;
};

/// Not asked of a policy: `start(backend, weight)` writes the first values of its trained matrices, which are zero
/// before.
template <class State, class B, class Scalar>
concept HasAStart = requires(State& state, B& on, ViewOn<B, const Scalar> weight) {
  { state.start(on, weight) } -> std::same_as<void>;
};

/// Not asked of a metric or an update: `add_penalty(backend)` writes what its gradients begin a step with, where they
/// are zero; those of a metric, in a step in which scores learn.
template <class State, class B>
concept HasAPenalty = requires(State& state, B& on) {
  { state.add_penalty(on) } -> std::same_as<void>;
};

/// Not asked of a metric or an update: its scores or W~ are those of its numbers at the last refresh.
/// `begin_refresh(backend)` makes them those of the numbers as they are; `end_refresh(backend, accepted)` keeps that,
/// or goes back to what was before; `take_refreshed(backend, other)` takes those of another state.
template <class State, class B>
concept FollowsRefreshes = requires(State& state, const State& other, B& on) {
  { state.begin_refresh(on) } -> std::same_as<void>;
  { state.end_refresh(on, true) } -> std::same_as<void>;
  { state.take_refreshed(on, other) } -> std::same_as<void>;
};

/// Not asked of a metric: `observe(backend, x, grad_y)` sees every batch that is learnt from, and
/// `for_each_statistic(visit)` shows what is measured there by `visit(name, view)`: a layer saves it.
template <class State, class B, class Scalar>
concept ObservesBatches = requires(State& state, B& on, ViewOn<B, const Scalar> batch) {
  { state.observe(on, batch, batch) } -> std::same_as<void>;
  state.for_each_statistic(detail::StatisticVisitor<B, Scalar>{});
};

/// `for_each_parameter(visit)` shows every TrainedMatrix (core/factor.hpp), whether it has memory or not.
template <class State, class B, class Scalar>
concept ShowsItsParameters = requires(State& state) {
  state.for_each_parameter(detail::ParameterVisitor<B, Scalar>{});
};

/// `persistent_bytes()` says how much memory the state holds besides its trained matrices and their gradients.
template <class State>
concept SaysItsMemory = requires(const State& state) {
  { state.persistent_bytes() } -> std::same_as<std::size_t>;
};

/// An importance metric: plain data, with a `State<B, Scalar>` that scores weights and learns.
template <class M, class B, class Scalar>
concept ImportanceMetric = std::semiregular<M> && PlaysRole<M, roles::importance> && SaysWhetherItLearns<M> &&
    HasAState<M, B, Scalar> && IsMadeForALayer<typename M::template State<B, Scalar>, M, B, Scalar> &&
    ScoresWeights<typename M::template State<B, Scalar>, B, Scalar> &&
    LearnsFromScoreGradient<typename M::template State<B, Scalar>, B, Scalar> &&
    CompletesGradients<typename M::template State<B, Scalar>, B> &&
    ShowsItsParameters<typename M::template State<B, Scalar>, B, Scalar> &&
    SaysItsMemory<typename M::template State<B, Scalar>>;

}  // namespace pst::PST_ABI
