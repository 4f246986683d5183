// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/concepts/delta.hpp"
#include "pst/concepts/rank.hpp"
#include "pst/concepts/start.hpp"
#include "pst/core/functors.hpp"
#include "pst/core/low_rank_product.hpp"
#include "pst/rank/rank.hpp"
#include "pst/start/normal_start.hpp"

namespace pst::PST_ABI {

/// W~ = W0 + scale * U V, with U (out x rank) and V (rank x in); W0 is frozen. U V is zero at first: as published, U is
/// drawn from N(0, 1) and V is zero.
///
/// The update of PST (scale is its beta), and that of LoRA (Hu et al. 2021) with scale = a / rank. W~ is that of the
/// factors at the last refresh, of which a copy is kept: rank (in + out) numbers.
/// @ingroup delta
template <RankPolicy RankChoice = Rank<8>, FactorStart StartChoice = NormalStart>
struct LowRank {
  using role = roles::delta;
  static constexpr bool in_place = false;
  static constexpr bool learns = true;
  template <class Other>
  using with_rank = LowRank<Other, StartChoice>;
  template <class Other>
  using with_start = LowRank<RankChoice, Other>;
  double scale = 1.0;
  [[no_unique_address]] RankChoice rank{};
  [[no_unique_address]] StartChoice start{};

  template <class B, class Scalar>
  class State {
    static_assert(ChoosesRank<RankChoice, B, Scalar>);
    static_assert(StartsFactors<StartChoice, B, Scalar>);
    using ConstView = ViewOn<B, const Scalar>;

   public:
    State(const LowRank& delta, B& on, const LayerLayout& layout, ConstView weight)
        : start_{delta.start},
          product_(layout, delta.rank.choose(on, weight), delta.scale, derive_seed(layout.seed, 'U'),
                   {"delta.U", "delta.V"}, ParameterGroup::delta),
          refreshed_left_(layout.shape.out, product_.rank()),
          refreshed_right_(product_.rank(), layout.shape.in) {}

    void start(B& on, ConstView) {
      start_.write(on, UnstartedFactors<ViewOn<B, Scalar>>{product_.left().value(), product_.right().value(),
                                                           product_.scale(), product_.seed()});
    }

    /// From here to `end_refresh`, W~ is that of the factors as they are.
    void begin_refresh(B&) noexcept { refreshing_ = true; }
    /// From here on W~ is that of the factors as they are now, if the refresh was accepted, or that of before.
    void end_refresh(B& on, bool accepted) {
      refreshing_ = false;
      if (accepted) take(on, product_.left().value(), product_.right().value());
    }
    void take_refreshed(B& on, const State& other) { take(on, other.left(), other.right()); }
    [[nodiscard]] auto weight_term(Tile tile, ConstView base) const {
      const auto product = product_.term(tile, left(), right());
      return terms::Plus<Scalar, ConstView, decltype(product)>{base, product};
    }
    [[nodiscard]] ConstView effective(B& on, Tile tile, ConstView base, ViewOn<B, Scalar> scratch) const {
      on.sum_terms(scratch, weight_term(tile, base));
      return scratch;
    }
    void backward(B& on, Tile tile, ConstView grad_weight) {
      product_.backward(on, tile, grad_weight, left(), right());
    }
    void finish_backward(B& on) { product_.finish_backward(on); }
    void for_each_parameter(auto&& visit) { product_.for_each_parameter(visit); }
    [[nodiscard]] std::size_t persistent_bytes() const noexcept {
      return product_.bytes() + refreshed_left_.bytes() + refreshed_right_.bytes();
    }

    /// U and V of W~, and what learns: for gradients that are formed from activations.
    [[nodiscard]] ConstView left() const {
      return refreshing_ ? ConstView{product_.left().value()} : refreshed_left_.view();
    }
    [[nodiscard]] ConstView right() const {
      return refreshing_ ? ConstView{product_.right().value()} : refreshed_right_.view();
    }
    [[nodiscard]] LowRankProduct<B, Scalar>& product() noexcept { return product_; }

   private:
    void take(B& on, ConstView left, ConstView right) {
      on.map(refreshed_left_.view(), functors::Identity{}, left);
      on.map(refreshed_right_.view(), functors::Identity{}, right);
    }

    StartChoice start_;
    LowRankProduct<B, Scalar> product_;
    Matrix<B, Scalar> refreshed_left_, refreshed_right_;
    bool refreshing_ = false;
  };
};

}  // namespace pst::PST_ABI
