// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <variant>
#include <vector>

#include "pst/concepts/selector.hpp"
#include "pst/core/error.hpp"
#include "pst/selector/block.hpp"
#include "pst/selector/columns.hpp"
#include "pst/selector/global_top_k.hpp"
#include "pst/selector/keep_all.hpp"
#include "pst/selector/keep_non_zeros.hpp"
#include "pst/selector/n_of_m.hpp"
#include "pst/selector/per_row.hpp"
#include "pst/selector/rows.hpp"
#include "pst/selector/threshold.hpp"

namespace pst::PST_ABI {

/// One of the library's mask selectors, chosen at run time.
///
/// GlobalTopK stands for TopK as well: alone, a layer ranks itself. Blocks have one row: others cut the work of a layer
/// at other rows, which its type must know.
/// @ingroup selector
struct SelectorChoice {
  using role = roles::selector;
  std::variant<GlobalTopK, PerRow, Rows, Columns, Threshold, NofM<2, 4>, NofM<1, 4>, NofM<4, 8>, Block<1, 4>,
               Block<1, 8>, Block<1, 16>, KeepAll, KeepNonZeros>
      policy{};
  static constexpr index_t row_multiple = 1;
  bool shares_budget = false;  ///< with the other layers of a LayerSet that do; with GlobalTopK alone

  [[nodiscard]] constexpr bool chooses_once() const noexcept {
    return std::holds_alternative<KeepAll>(policy) || std::holds_alternative<KeepNonZeros>(policy);
  }

 private:
  template <class B, class Scalar, class Variant>
  struct StatesOf;
  template <class B, class Scalar, class... Policies>
  struct StatesOf<B, Scalar, std::variant<Policies...>> {
    using type = std::variant<typename Policies::template State<B, Scalar>...>;
  };

 public:
  template <class B, class Scalar>
  class State {
    using Alone = GlobalTopK::State<B, Scalar>;

   public:
    State(const SelectorChoice& choice, B& on, const LayerLayout& layout, ViewOn<B, const Scalar> weight)
        : state_{std::visit(
              [&]<class Policy>(const Policy& chosen) {
                return States{std::in_place_type<typename Policy::template State<B, Scalar>>, chosen, on, layout,
                              weight};
              },
              choice.policy)} {}

    void begin(B& on, double sparsity) {
      std::visit([&](auto& state) { state.begin(on, sparsity); }, state_);
    }
    [[nodiscard]] bool wants_pass() const {
      return std::visit([](const auto& state) { return state.wants_pass(); }, state_);
    }
    void observe(B& on, Tile tile, ViewOn<B, const Scalar> scores) {
      std::visit([&](auto& state) { state.observe(on, tile, scores); }, state_);
    }
    void end_pass(B& on) {
      std::visit([&](auto& state) { state.end_pass(on); }, state_);
    }
    void select(B& on, Tile tile, ViewOn<B, const Scalar> scores, MaskOn<B> mask) {
      std::visit([&](auto& state) { state.select(on, tile, scores, mask); }, state_);
    }

    /// As in GlobalTopK, which all of `states` must have chosen.
    static void begin_together(B& on, std::span<State* const> states, double sparsity) {
      Alone::begin_together(on, std::span<Alone* const>{ranked_together(states)}, sparsity);
    }
    static void end_pass_together(B& on, std::span<State* const> states) {
      Alone::end_pass_together(on, std::span<Alone* const>{ranked_together(states)});
    }

   private:
    using States = typename StatesOf<B, Scalar, decltype(SelectorChoice::policy)>::type;

    [[nodiscard]] static std::vector<Alone*> ranked_together(std::span<State* const> states) {
      std::vector<Alone*> found;
      for (State* state : states) {
        found.push_back(std::get_if<Alone>(&state->state_));
        require(found.back() != nullptr, "layers with one budget have the selector GlobalTopK, another one was found");
      }
      return found;
    }

    States state_;
  };
};

}  // namespace pst::PST_ABI
