// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <tuple>
#include <utility>

#include "pst/any/policies/rank_choice.hpp"
#include "pst/any/policies/start_choice.hpp"
#include "pst/concepts/importance.hpp"
#include "pst/importance/low_rank_score.hpp"
#include "pst/importance/movement.hpp"
#include "pst/importance/row_column_score.hpp"
#include "pst/importance/soft_movement.hpp"
#include "pst/importance/wanda.hpp"

namespace pst::PST_ABI {

/// S = the sum of those of the library's metrics that are there, chosen at run time; none gives scores of zero.
///
/// Has the scores of `Sum` of the same metrics. A sum that is known at compile time is computed in one sweep over the
/// weight, this one in a sweep for each metric.
/// @ingroup importance
struct ScoreSum {
  using role = roles::importance;
  static constexpr bool learns = true;
  std::optional<Wanda> magnitude{};
  std::optional<LowRankScore<RankChoice, StartChoice>> low_rank{};
  std::optional<RowColumnScore> row_column{};
  std::optional<Movement> movement{};
  std::optional<SoftMovement> soft_movement{};

  /// Whether any of the metrics has parameters.
  [[nodiscard]] constexpr bool has_parameters() const noexcept {
    return low_rank || row_column || movement || soft_movement;
  }

  template <class B, class Scalar>
  class State {
    template <class Metric>
    using Maybe = std::optional<typename Metric::template State<B, Scalar>>;

   public:
    State(const ScoreSum& sum, B& on, const LayerLayout& layout, ViewOn<B, const Scalar> weight) {
      const auto make = [&](const auto& metric, auto& state) {
        if (metric) state.emplace(*metric, on, layout, weight);
      };
      make(sum.magnitude, std::get<0>(states_));
      make(sum.low_rank, std::get<1>(states_));
      make(sum.row_column, std::get<2>(states_));
      make(sum.movement, std::get<3>(states_));
      make(sum.soft_movement, std::get<4>(states_));
    }

    void start(B& on, ViewOn<B, const Scalar> weight) {
      each(states_, [&](auto& state) {
        if constexpr (HasAStart<std::decay_t<decltype(state)>, B, Scalar>) state.start(on, weight);
      });
    }
    void add_penalty(B& on) {
      each(states_, [&](auto& state) {
        if constexpr (HasAPenalty<std::decay_t<decltype(state)>, B>) state.add_penalty(on);
      });
    }
    void score(B& on, Tile tile, ViewOn<B, const Scalar> weight, ViewOn<B, Scalar> scores) const {
      each(states_, [&](const auto& state) { state.score(on, tile, weight, scores); });
    }
    void backward(B& on, Tile tile, ViewOn<B, const Scalar> weight, ViewOn<B, const Scalar> grad_scores,
                  ViewOn<B, Scalar> grad_weight) {
      each(states_, [&](auto& state) { state.backward(on, tile, weight, grad_scores, grad_weight); });
    }
    void finish_backward(B& on) {
      each(states_, [&](auto& state) { state.finish_backward(on); });
    }
    void observe(B& on, ViewOn<B, const Scalar> x, ViewOn<B, const Scalar> grad_y) {
      if (magnitude()) magnitude()->observe(on, x, grad_y);
    }
    void for_each_statistic(auto&& visit) {
      if (magnitude()) magnitude()->for_each_statistic(visit);
    }
    void begin_refresh(B& on) {
      if (magnitude()) magnitude()->begin_refresh(on);
    }
    void end_refresh(B& on, bool accepted) {
      if (magnitude()) magnitude()->end_refresh(on, accepted);
    }
    void take_refreshed(B& on, const State& other) {
      if (magnitude()) magnitude()->take_refreshed(on, *std::get<0>(other.states_));
    }
    void for_each_parameter(auto&& visit) {
      each(states_, [&](auto& state) { state.for_each_parameter(visit); });
    }
    [[nodiscard]] std::size_t persistent_bytes() const {
      std::size_t total = 0;
      each(states_, [&](const auto& state) { total += state.persistent_bytes(); });
      return total;
    }

   private:
    /// The metric that observes batches.
    [[nodiscard]] Maybe<Wanda>& magnitude() noexcept { return std::get<0>(states_); }
    /// Calls `f` with every state that is there.
    static void each(auto& states, auto&& f) {
      const auto call = [&](auto& state) {
        if (state) f(*state);
      };
      std::apply([&](auto&... state) { (call(state), ...); }, states);
    }

    std::tuple<Maybe<Wanda>, Maybe<LowRankScore<RankChoice, StartChoice>>, Maybe<RowColumnScore>, Maybe<Movement>,
               Maybe<SoftMovement>>
        states_;
  };
};

}  // namespace pst::PST_ABI
