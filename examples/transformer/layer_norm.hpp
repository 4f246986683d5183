// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "transformer/matrix.hpp"

namespace transformer {

/// y = gain * (x - mean) / sqrt(variance + epsilon) + bias, over each row (Ba et al., 2016).
template <class Scalar>
struct LayerNorm {
  /// What backward needs from forward.
  struct Tape {
    Matrix<Scalar> normal;   ///< x with mean 0 and variance 1
    Matrix<Scalar> inverse;  ///< rows x 1: 1 / sqrt(variance + epsilon)
  };

  Trained<Scalar> gain, bias;
  Scalar epsilon;

  LayerNorm(const std::string& name, index_t width, double epsilon_ = 1e-5)
      : gain{name + ".gain", 1, width, 1},
        bias{name + ".bias", 1, width, 0, pst::ParameterGroup::bias},
        epsilon{static_cast<Scalar>(epsilon_)} {}

  void forward(const Matrix<Scalar>& x, Tape& tape, Matrix<Scalar>& y) const {
    tape.normal = x.colwise() - x.rowwise().mean();
    tape.inverse = (tape.normal.rowwise().squaredNorm().array() / static_cast<Scalar>(x.cols()) + epsilon).rsqrt();
    tape.normal.array().colwise() *= tape.inverse.col(0).array();
    y = (tape.normal.array().rowwise() * gain.value.row(0).array()).rowwise() + bias.value.row(0).array();
  }
  /// Adds to the gradients of gain and bias; `grad_x` may be the same matrix as `grad_y`.
  void backward(const Tape& tape, const Matrix<Scalar>& grad_y, Matrix<Scalar>& grad_x) {
    gain.grad += grad_y.cwiseProduct(tape.normal).colwise().sum();
    bias.grad += grad_y.colwise().sum();
    grad_x = grad_y.array().rowwise() * gain.value.row(0).array();
    const auto width = static_cast<Scalar>(grad_x.cols());
    for (index_t row = 0; row < grad_x.rows(); ++row) {
      const Scalar mean = grad_x.row(row).mean();
      const Scalar along = grad_x.row(row).dot(tape.normal.row(row)) / width;
      grad_x.row(row).array() =
          (grad_x.row(row).array() - mean - along * tape.normal.row(row).array()) * tape.inverse(row, 0);
    }
  }
  template <class Visit>
  void for_each_parameter(Visit&& visit) {
    visit(gain.parameter());
    visit(bias.parameter());
  }
};

}  // namespace transformer
