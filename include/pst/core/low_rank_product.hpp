// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/core/factor.hpp"
#include "pst/core/random.hpp"
#include "pst/core/terms.hpp"

namespace pst {

/// The product of a tall and a wide factor, `scale * L R`, which scores (A B) and deltas (U V) share.
///
/// L (out x rank) starts as N(0, 1), R (rank x in) as zero, so the product is zero at first.
template <class B, class Scalar>
class LowRankProduct {
 public:
  LowRankProduct(B& on, const LayerLayout& layout, index_t rank, double scale, std::uint64_t seed)
      : left_(layout, rank), right_(layout, rank), scale_{scale} {
    on.generate(left_.value(), NormalMatrix{NormalAt{seed}, rank});
  }

  /// The product's part in a tile.
  [[nodiscard]] terms::Product<ViewOn<B, const Scalar>> term(Tile tile) const {
    return {scale_, left_.value(tile), right_.value(tile)};
  }
  void begin_step(B& on) {
    left_.begin_step(on);
    right_.begin_step(on);
  }
  /// dL = scale * dP R^T, dR = scale * L^T dP, where dP is the gradient of a tile of the product.
  void backward(B& on, Tile tile, ViewOn<B, const Scalar> grad) {
    on.gemm_nt(scale_, grad, right_.value(tile), left_.grad(tile));
    on.gemm_tn(scale_, left_.value(tile), grad, right_.grad_share(tile));
  }
  void finish_backward(B& on) { right_.finish_backward(on); }
  void for_each_parameter(std::string_view left, std::string_view right, ParameterGroup group, auto&& visit) {
    visit(left_.parameter(left, group));
    visit(right_.parameter(right, group));
  }
  [[nodiscard]] std::size_t bytes() const noexcept { return left_.bytes() + right_.bytes(); }

 private:
  RowFactor<B, Scalar> left_;
  ColumnFactor<B, Scalar> right_;
  double scale_;
};

}  // namespace pst
