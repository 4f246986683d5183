// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <type_traits>

#include "pst/concepts/importance.hpp"

/// @defgroup selector Mask selectors
/// Which weights are pruned, given the scores and a sparsity. Scores come one block of rows at a time and are never
/// stored: a selector that ranks the whole matrix asks for as many passes as it needs.
namespace pst::PST_ABI {

/// `row_multiple`, a constant: blocks of rows are cut at its multiples.
template <class S>
concept SaysItsRowMultiple = requires {
  typename std::integral_constant<index_t, S::row_multiple>;
};

/// `begin(backend, sparsity)`, `wants_pass()`, `observe(backend, tile, scores)` and `end_pass(backend)` rank the
/// scores.
template <class State, class B, class Scalar>
concept RanksInPasses = requires(State& state, B& on, double sparsity, Tile tile, ViewOn<B, const Scalar> scores) {
  { state.begin(on, sparsity) } -> std::same_as<void>;
  { state.wants_pass() } -> std::same_as<bool>;
  { state.observe(on, tile, scores) } -> std::same_as<void>;
  { state.end_pass(on) } -> std::same_as<void>;
};

/// `select(backend, tile, scores, mask)` writes the mask of a block of rows.
template <class State, class B, class Scalar>
concept WritesTheMask = requires(State& state, B& on, Tile tile, ViewOn<B, const Scalar> scores, MaskOn<B> mask) {
  { state.select(on, tile, scores, mask) } -> std::same_as<void>;
};

/// A mask selector: plain data, with a `State<B, Scalar>` that ranks scores and writes masks.
template <class S, class B, class Scalar>
concept MaskSelector = std::semiregular<S> && PlaysRole<S, roles::selector> && SaysItsRowMultiple<S> &&
    HasAState<S, B, Scalar> && IsMadeForALayer<typename S::template State<B, Scalar>, S, B, Scalar> &&
    RanksInPasses<typename S::template State<B, Scalar>, B, Scalar> &&
    WritesTheMask<typename S::template State<B, Scalar>, B, Scalar>;

/// `chooses_once()` says whether the mask that a selector wrote first is that of the whole training, whatever the
/// refresh policy and the schedule say. A selector without it chooses anew.
template <class S>
concept SaysWhetherItChoosesOnce = requires(const S& selector) {
  { selector.chooses_once() } -> std::same_as<bool>;
};
/// Whether a selector chooses the mask once and for all.
template <class S>
[[nodiscard]] constexpr bool chooses_once([[maybe_unused]] const S& selector) noexcept {
  if constexpr (SaysWhetherItChoosesOnce<S>)
    return selector.chooses_once();
  else
    return false;
}

}  // namespace pst::PST_ABI
