// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tuple>

#include "pst/concepts/importance.hpp"
#include "pst/concepts/rank.hpp"
#include "pst/concepts/start.hpp"

namespace pst::PST_ABI {

/// S = the sum of the scores of several metrics; `Sum<Magnitude, RowColumnScore>` is a metric like any other.
///
/// Options of a term: `sum.term<RowColumnScore>().scale = 0.5`.
/// @ingroup importance
template <class... Terms>
struct Sum {
  using role = roles::importance;
  static constexpr bool learns = (Terms::learns || ...);
  template <class Other>
  using with_rank = Sum<with_rank_t<Terms, Other>...>;
  template <class Other>
  using with_start = Sum<with_start_t<Terms, Other>...>;
  std::tuple<Terms...> terms{};

  /// The options of the term of type `Term`.
  template <class Term>
  [[nodiscard]] constexpr Term& term() noexcept {
    return std::get<Term>(terms);
  }

  template <class B, class Scalar>
  class State {
    template <ImportanceMetric<B, Scalar> Term>
    using StateOf = typename Term::template State<B, Scalar>;

   public:
    State(const Sum& metric, B& on, const LayerLayout& layout, ViewOn<B, const Scalar> weight)
        : terms_(std::apply(
              [&](const auto&... term) {
                return std::tuple<StateOf<Terms>...>{StateOf<Terms>{term, on, layout, weight}...};
              },
              metric.terms)) {}

    void start(B& on, ViewOn<B, const Scalar> weight) {
      each(terms_, [&](auto& term) {
        if constexpr (HasAStart<std::decay_t<decltype(term)>, B, Scalar>) term.start(on, weight);
      });
    }
    void add_penalty(B& on) {
      each(terms_, [&](auto& term) {
        if constexpr (HasAPenalty<std::decay_t<decltype(term)>, B>) term.add_penalty(on);
      });
    }
    /// The terms of all metrics, where each gives its own.
    [[nodiscard]] auto score_terms(Tile tile, const auto& weight) const
        requires(ScoresByTerms<StateOf<Terms>, B, Scalar>&&...) {
      return std::apply([&](const auto&... term) { return std::tuple_cat(term.score_terms(tile, weight)...); }, terms_);
    }
    void score(B& on, Tile tile, ViewOn<B, const Scalar> weight, ViewOn<B, Scalar> scores) const {
      each(terms_, [&](const auto& term) { term.score(on, tile, weight, scores); });
    }
    void backward(B& on, Tile tile, ViewOn<B, const Scalar> weight, ViewOn<B, const Scalar> grad_scores,
                  ViewOn<B, Scalar> grad_weight) {
      each(terms_, [&](auto& term) { term.backward(on, tile, weight, grad_scores, grad_weight); });
    }
    void finish_backward(B& on) {
      each(terms_, [&](auto& term) { term.finish_backward(on); });
    }
    void observe(B& on, ViewOn<B, const Scalar> x, ViewOn<B, const Scalar> grad_y) {
      each(terms_, [&](auto& term) {
        if constexpr (observes<decltype(term)>) term.observe(on, x, grad_y);
      });
    }
    void for_each_statistic(auto&& visit) {
      each(terms_, [&](auto& term) {
        if constexpr (observes<decltype(term)>) term.for_each_statistic(visit);
      });
    }
    void begin_refresh(B& on) {
      each(terms_, [&](auto& term) {
        if constexpr (follows<decltype(term)>) term.begin_refresh(on);
      });
    }
    void end_refresh(B& on, bool accepted) {
      each(terms_, [&](auto& term) {
        if constexpr (follows<decltype(term)>) term.end_refresh(on, accepted);
      });
    }
    void take_refreshed(B& on, const State& other) {
      each(terms_, [&]<class Term>(Term& term) {
        if constexpr (follows<Term>) term.take_refreshed(on, std::get<Term>(other.terms_));
      });
    }
    void for_each_parameter(auto&& visit) {
      each(terms_, [&](auto& term) { term.for_each_parameter(visit); });
    }
    [[nodiscard]] std::size_t persistent_bytes() const {
      return std::apply([](const auto&... term) { return (std::size_t{0} + ... + term.persistent_bytes()); }, terms_);
    }

   private:
    template <class Term>
    static constexpr bool observes = ObservesBatches<std::decay_t<Term>, B, Scalar>;
    template <class Term>
    static constexpr bool follows = FollowsRefreshes<std::decay_t<Term>, B>;
    static void each(auto& terms, auto&& f) {
      std::apply([&](auto&... term) { (f(term), ...); }, terms);
    }
    std::tuple<StateOf<Terms>...> terms_;
  };
};

}  // namespace pst::PST_ABI
