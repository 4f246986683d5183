// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/concepts/importance.hpp"
#include "pst/concepts/rank.hpp"
#include "pst/concepts/start.hpp"
#include "pst/core/low_rank_product.hpp"
#include "pst/rank/rank.hpp"
#include "pst/start/normal_start.hpp"

namespace pst::PST_ABI {

/// S += scale * A B, with A (out x rank) and B (rank x in). A B is zero at first: as published, A is drawn from N(0, 1)
/// and B is zero.
///
/// Weights that share rows and columns share importance: the data-driven, low-rank part of PST (alpha1).
/// @ingroup importance
template <RankPolicy RankChoice = Rank<8>, FactorStart StartChoice = NormalStart>
struct LowRankScore {
  using role = roles::importance;
  static constexpr bool learns = true;
  template <class Other>
  using with_rank = LowRankScore<Other, StartChoice>;
  template <class Other>
  using with_start = LowRankScore<RankChoice, Other>;
  double scale = 1.0;
  [[no_unique_address]] RankChoice rank{};
  [[no_unique_address]] StartChoice start{};

  template <class B, class Scalar>
  class State {
    static_assert(ChoosesRank<RankChoice, B, Scalar>);
    static_assert(StartsFactors<StartChoice, B, Scalar>);

   public:
    State(const LowRankScore& metric, B& on, const LayerLayout& layout, ViewOn<B, const Scalar> weight)
        : start_{metric.start},
          product_(layout, metric.rank.choose(on, weight), metric.scale, derive_seed(layout.seed, 'A'),
                   {"score.A", "score.B"}, ParameterGroup::score) {}

    void start(B& on, ViewOn<B, const Scalar>) {
      start_.write(on, UnstartedFactors<ViewOn<B, Scalar>>{product_.left().value(), product_.right().value(),
                                                           product_.scale(), product_.seed()});
    }
    [[nodiscard]] auto score_terms(Tile tile, const auto&) const { return std::tuple{product_.term(tile)}; }
    void score(B& on, Tile tile, ViewOn<B, const Scalar> weight, ViewOn<B, Scalar> scores) const {
      terms::add_to(on, scores, score_terms(tile, weight));
    }
    void backward(B& on, Tile tile, ViewOn<B, const Scalar>, ViewOn<B, const Scalar> grad_scores, ViewOn<B, Scalar>) {
      product_.backward(on, tile, grad_scores);
    }
    void finish_backward(B& on) { product_.finish_backward(on); }
    void for_each_parameter(auto&& visit) { product_.for_each_parameter(visit); }
    [[nodiscard]] std::size_t persistent_bytes() const noexcept { return product_.bytes(); }

   private:
    StartChoice start_;
    LowRankProduct<B, Scalar> product_;
  };
};

}  // namespace pst::PST_ABI
