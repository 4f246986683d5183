// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/core/factor.hpp"
#include "pst/core/random.hpp"

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

  /// out += scale * L R, for a block of rows.
  void add_to(B& on, RowBlock rows, ViewOn<B, Scalar> out) const {
    on.gemm(scale_, left_.value(rows), right_.value(), out);
  }
  void begin_step(B& on) {
    left_.begin_step(on);
    right_.begin_step(on);
  }
  /// dL = scale * dP R^T, dR = scale * L^T dP, where dP is the gradient of a block of rows of the product.
  void backward(B& on, RowBlock rows, ViewOn<B, const Scalar> grad) {
    on.gemm_nt(scale_, grad, right_.value(), left_.grad(rows));
    on.gemm_tn(scale_, left_.value(rows), grad, right_.grad_share(rows));
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
