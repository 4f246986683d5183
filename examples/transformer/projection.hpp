// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include "transformer/matrix.hpp"

namespace transformer {

/// The number type a linear layer computes in.
template <class Linear>
using scalar_of = typename Linear::scalar;

/// Whether a linear layer has its weight itself, and borrows a bias alone.
template <class Linear>
inline constexpr bool owns_weight = requires {
  requires Linear::owns_weight;
};

/// A linear layer together with the weight and bias that it borrows.
///
/// `Linear` is `DenseLinear` or any `pst::SparseLinear`. Fill the weights first, then call `attach` once. The weight is
/// empty where `owns_weight<Linear>`.
template <class Linear>
struct Projection {
  using Scalar = scalar_of<Linear>;

  std::string name;
  Matrix<Scalar> weight;  ///< out x in
  Matrix<Scalar> bias;    ///< 1 x out
  Linear layer;

  /// `on`, where there is one, is the backend of a layer that is not to have its own.
  template <class... Backend>
  Projection(pst::Shape shape, typename Linear::Options options, Backend... on)
      : name{options.name},
        weight{owns_weight<Linear> ? Matrix<Scalar>{} : Matrix<Scalar>{Matrix<Scalar>::Zero(shape.out, shape.in)}},
        bias{Matrix<Scalar>::Zero(1, shape.out)},
        layer{shape, std::move(options), std::move(on)...} {}

  /// Weights of variance 1 / in.
  void initialise(std::mt19937_64& random) {
    fill_normal(weight, 1.0 / std::sqrt(static_cast<double>(weight.cols())), random);
  }
  void attach() { layer.attach(view(weight), view(bias)); }

  void forward(const Matrix<Scalar>& x, Matrix<Scalar>& y) {
    y.resize(x.rows(), bias.cols());
    layer.forward(view(x), view(y));
  }
  void backward(const Matrix<Scalar>& x, const Matrix<Scalar>& grad_y, Matrix<Scalar>& grad_x) {
    grad_x.resize(x.rows(), weight.cols());
    layer.backward(view(x), view(grad_y), view(grad_x));
  }
};

}  // namespace transformer
