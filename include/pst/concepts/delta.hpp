// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <type_traits>

#include "pst/concepts/importance.hpp"

/// @defgroup delta Weight updates
/// How the weight changes while it is fine-tuned: not at all, as a whole, or by a product of small factors.
namespace pst::PST_ABI {

/// `in_place`, a constant, says whether the attached weight itself is trained.
template <class D>
concept SaysWhetherInPlace = requires {
  typename std::bool_constant<D::in_place>;
};

/// `effective(backend, tile, base, scratch)` gives the weight of a block of rows: in `scratch`, or `base` as it is.
template <class State, class B, class Scalar>
concept GivesTheWeight = requires(const State& state, B& on, Tile tile, ViewOn<B, const Scalar> base,
                                  ViewOn<B, Scalar> scratch) {
  { state.effective(on, tile, base, scratch) } -> std::same_as<ViewOn<B, const Scalar>>;
};

/// Not asked of an update: `weight_term(tile, base)` gives the weight of a tile as a term (core/terms.hpp). Scores that
/// are sums of terms are then computed without storing it.
template <class State, class B, class Scalar>
concept GivesTheWeightAsATerm = requires(const State& state, Tile tile, ViewOn<B, const Scalar> base) {
  state.weight_term(tile, base);
};

/// `backward(backend, tile, grad_weight)` learns from the gradient of a block of the weight.
template <class State, class B, class Scalar>
concept LearnsFromWeightGradient = requires(State& state, B& on, Tile tile, ViewOn<B, const Scalar> grad_weight) {
  { state.backward(on, tile, grad_weight) } -> std::same_as<void>;
};

/// In the place of that: the update looks at the weight beside the gradient, where `reads_weight()`.
/// `measure(backend, tile, base, scratch)` is called for every block of whole rows when a refresh begins, and
/// `backward(backend, tile, base, scratch, grad_weight)` learns; it may use up `scratch`, where `base` may lie, and
/// `grad_weight`.
template <class State, class B, class Scalar>
concept ReadsTheWeight = requires(State& state, B& on, Tile tile, ViewOn<B, const Scalar> base,
                                  ViewOn<B, Scalar> scratch) {
  { state.reads_weight() } -> std::same_as<bool>;
  { state.measure(on, tile, base, scratch) } -> std::same_as<void>;
  { state.backward(on, tile, base, scratch, scratch) } -> std::same_as<void>;
};

/// It learns in one of these ways.
template <class State, class B, class Scalar>
concept LearnsFromGradients = LearnsFromWeightGradient<State, B, Scalar> || ReadsTheWeight<State, B, Scalar>;

/// The step whose numbers an update draws; none outside of steps, where nothing is left to chance.
using DrawnStep = std::optional<std::uint64_t>;

/// Not asked of an update: its W~ is drawn anew in each step. `draw(step)` makes it that of a step, or without one that
/// of no draw; `drawn()` says which it is.
template <class State>
concept DrawsEachStep = requires(State& state, const State& constant, DrawnStep step) {
  { state.draw(step) } -> std::same_as<void>;
  { constant.drawn() } -> std::same_as<DrawnStep>;
};

/// Not asked of an update: it is `product().scale() * left() * right()`, whose gradient can be formed from activations.
template <class State, class B, class Scalar>
concept IsLowRank = requires(State& state) {
  { state.left() } -> std::same_as<ViewOn<B, const Scalar>>;
  { state.right() } -> std::same_as<ViewOn<B, const Scalar>>;
  state.product();
};

/// A weight update: plain data, with a `State<B, Scalar>` that gives the weight and learns.
template <class D, class B, class Scalar>
concept WeightDelta =
    std::semiregular<D> && PlaysRole<D, roles::delta> && SaysWhetherInPlace<D> && SaysWhetherItLearns<D> &&
    HasAState<D, B, Scalar> && IsMadeForALayer<typename D::template State<B, Scalar>, D, B, Scalar> &&
    GivesTheWeight<typename D::template State<B, Scalar>, B, Scalar> &&
    LearnsFromGradients<typename D::template State<B, Scalar>, B, Scalar> &&
    CompletesGradients<typename D::template State<B, Scalar>, B> &&
    ShowsItsParameters<typename D::template State<B, Scalar>, B, Scalar> &&
    SaysItsMemory<typename D::template State<B, Scalar>>;

}  // namespace pst::PST_ABI
