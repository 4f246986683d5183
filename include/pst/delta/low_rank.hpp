// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/concepts/delta.hpp"
#include "pst/concepts/rank.hpp"
#include "pst/core/low_rank_product.hpp"
#include "pst/rank/rank.hpp"

namespace pst {

/// W~ = W0 + scale * U V, with U (out x rank) drawn from N(0, 1) and V (rank x in) zero at first; W0 is frozen.
///
/// The update of PST (scale is its beta), and that of LoRA (Hu et al. 2021) with scale = a / rank.
/// @ingroup delta
template <RankPolicy RankChoice = Rank<8>>
struct LowRank {
  using role = roles::delta;
  static constexpr bool in_place = false;
  template <class Other>
  using with_rank = LowRank<Other>;
  double scale = 1.0;
  [[no_unique_address]] RankChoice rank{};

  template <class B, class Scalar>
  class State {
    static_assert(ChoosesRank<RankChoice, B, Scalar>);

   public:
    State(const LowRank& delta, B& on, const LayerLayout& layout, ViewOn<B, const Scalar> weight)
        : product_(on, layout, delta.rank.choose(on, weight), delta.scale, derive_seed(layout.seed, 'U')) {}

    void begin_step(B& on) { product_.begin_step(on); }
    [[nodiscard]] auto weight_term(Tile tile, ViewOn<B, const Scalar> base) const {
      const auto product = product_.term(tile);
      return terms::Plus<Scalar, ViewOn<B, const Scalar>, decltype(product)>{base, product};
    }
    [[nodiscard]] ViewOn<B, const Scalar> effective(B& on, Tile tile, ViewOn<B, const Scalar> base,
                                                    ViewOn<B, Scalar> scratch) const {
      on.sum_terms(scratch, weight_term(tile, base));
      return scratch;
    }
    void backward(B& on, Tile tile, ViewOn<B, const Scalar> grad_weight) { product_.backward(on, tile, grad_weight); }
    void finish_backward(B& on) { product_.finish_backward(on); }
    void for_each_parameter(ViewOn<B, const Scalar>, auto&& visit) {
      product_.for_each_parameter("delta.U", "delta.V", ParameterGroup::delta, visit);
    }
    [[nodiscard]] std::size_t persistent_bytes() const noexcept { return product_.bytes(); }

   private:
    LowRankProduct<B, Scalar> product_;
  };
};

}  // namespace pst
