// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "transformer/matrix.hpp"

#include <unsupported/Eigen/SpecialFunctions>

namespace transformer {

/// GELU(x) = x Phi(x), Phi the normal distribution (Hendrycks and Gimpel, 2016).
enum class GeluForm {
  exact,   ///< by the error function, as BERT has it
  tanh_of  ///< x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2, as GPT-2 has it; faster
};

/// The activation of the feed-forward layers; its input is all that backward needs.
/// The error function is Eigen's, which errs by 4e-7 in float and is tens of times as fast as the standard library's.
template <class Scalar>
struct Gelu {
  static constexpr auto root = static_cast<Scalar>(0.7978845608028653558);  // sqrt(2 / pi)
  static constexpr auto root_half = static_cast<Scalar>(0.7071067811865475244);
  static constexpr auto cubic = static_cast<Scalar>(0.044715);

  GeluForm form = GeluForm::exact;

  void forward(const Matrix<Scalar>& x, Matrix<Scalar>& y) const {
    const auto half = static_cast<Scalar>(0.5);
    const auto a = x.array();
    if (form == GeluForm::exact) {
      y = half * a * (1 + (root_half * a).erf());
      return;
    }
    y = half * a * (1 + (root * (a + cubic * a.cube())).tanh());
  }
  /// grad_x = grad_y * GELU'(x); `grad_x` may be the same matrix as `grad_y`.
  void backward(const Matrix<Scalar>& x, const Matrix<Scalar>& grad_y, Matrix<Scalar>& grad_x) const {
    const auto half = static_cast<Scalar>(0.5);
    if (form == GeluForm::exact) {
      const Scalar peak = half * root;  // 1 / sqrt(2 pi)
      const auto a = x.array();
      grad_x = grad_y.array() * (half * (1 + (root_half * a).erf()) + peak * a * (-half * a.square()).exp());
      return;
    }
    grad_x.resizeLike(grad_y);
    RowVector<Scalar> bend(x.cols());
    for (index_t row = 0; row < x.rows(); ++row) {
      const auto v = x.row(row).array();
      bend = (root * (v + cubic * v.cube())).tanh();
      const auto t = bend.array();
      grad_x.row(row).array() =
          half * grad_y.row(row).array() * (1 + t + v * (1 - t.square()) * root * (1 + 3 * cubic * v.square()));
    }
  }
};

}  // namespace transformer
