// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "pst/core/factor.hpp"
#include "pst/core/terms.hpp"

namespace pst::PST_ABI {

/// What the factors of a low-rank product are called.
struct FactorNames {
  std::string_view left, right;
};

/// The product of a tall and a wide factor, `scale * L R`, which scores (A B) and deltas (U V) share.
///
/// L is out x rank, R is rank x in; what they hold at first is for a start to say (concepts/start.hpp).
template <class B, class Scalar>
class LowRankProduct {
 public:
  LowRankProduct(const LayerLayout& layout, index_t rank, double scale, std::uint64_t seed, FactorNames names,
                 ParameterGroup group)
      : left_(layout, rank, names.left, group), right_(layout, rank, names.right, group), scale_{scale}, seed_{seed} {}

  [[nodiscard]] index_t rank() const noexcept { return left_.cols(); }
  [[nodiscard]] double scale() const noexcept { return scale_; }
  /// Draws what is random in the first values.
  [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }
  [[nodiscard]] RowFactor<B, Scalar>& left() noexcept { return left_; }
  [[nodiscard]] ColumnFactor<B, Scalar>& right() noexcept { return right_; }
  [[nodiscard]] const RowFactor<B, Scalar>& left() const noexcept { return left_; }
  [[nodiscard]] const ColumnFactor<B, Scalar>& right() const noexcept { return right_; }

  /// The part in a tile of scale * left right.
  [[nodiscard]] terms::Product<ViewOn<B, const Scalar>> term(Tile tile, ViewOn<B, const Scalar> left,
                                                             ViewOn<B, const Scalar> right) const {
    return {scale_, tile.rows_of(left), tile.cols_of(right)};
  }
  [[nodiscard]] terms::Product<ViewOn<B, const Scalar>> term(Tile tile) const {
    return term(tile, left_.value(), right_.value());
  }
  /// dL = scale * dP R^T, dR = scale * L^T dP, where dP is the gradient of a tile of the product of these factors.
  void backward(B& on, Tile tile, ViewOn<B, const Scalar> grad, ViewOn<B, const Scalar> left,
                ViewOn<B, const Scalar> right) {
    on.gemm_nt(scale_, grad, tile.cols_of(right), left_.grad(tile));
    on.gemm_tn(scale_, tile.rows_of(left), grad, right_.grad_share(tile));
  }
  void backward(B& on, Tile tile, ViewOn<B, const Scalar> grad) {
    backward(on, tile, grad, left_.value(), right_.value());
  }
  void finish_backward(B& on) { right_.finish_backward(on); }
  void for_each_parameter(auto&& visit) {
    visit(left_);
    visit(right_);
  }
  [[nodiscard]] std::size_t bytes() const noexcept { return right_.bytes(); }

 private:
  RowFactor<B, Scalar> left_;
  ColumnFactor<B, Scalar> right_;
  double scale_;
  std::uint64_t seed_;
};

}  // namespace pst::PST_ABI
