// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/core/error.hpp>

#include <cstdint>

#include "transformer/matrix.hpp"

namespace transformer {

/// y = x W^T + b with everything trained: the plainest type that can stand where a pst::SparseLinear stands.
template <class Scalar = float>
class DenseLinear {
 public:
  using scalar = Scalar;
  struct Options {
    std::uint64_t seed = 1;
    std::string name = "linear";
  };

  DenseLinear(pst::Shape shape, Options options)
      : shape_{shape},
        weight_name_{options.name + ".weight"},
        bias_name_{options.name + ".bias"},
        grad_weight_{Matrix<Scalar>::Zero(shape.out, shape.in)},
        grad_bias_{Matrix<Scalar>::Zero(1, shape.out)} {}

  /// Borrows the weight (out x in) and the bias (1 x out).
  void attach(pst::MatrixView<Scalar> weight, pst::MatrixView<Scalar> bias) {
    pst::require(weight.rows == shape_.out && weight.cols == shape_.in, weight_name_, " is ", weight.rows, " x ",
                 weight.cols, ", the layer expects ", shape_.out, " x ", shape_.in);
    weight_ = weight;
    bias_ = bias;
  }
  /// Gradients are zero again; a dense layer has no mask to refresh.
  void begin_step(double) {
    grad_weight_.setZero();
    grad_bias_.setZero();
  }
  void forward(pst::MatrixView<const Scalar> x, pst::MatrixView<Scalar> y) const {
    auto out = map(y);
    out.noalias() = map(x) * map(weight_).transpose();
    out.rowwise() += map(bias_).row(0);
  }
  void backward(pst::MatrixView<const Scalar> x, pst::MatrixView<const Scalar> grad_y, pst::MatrixView<Scalar> grad_x) {
    grad_weight_.noalias() += map(grad_y).transpose() * map(x);
    grad_bias_ += map(grad_y).colwise().sum();
    if (!grad_x.empty()) map(grad_x).noalias() = map(grad_y) * map(weight_);
  }
  template <class Visit>
  void for_each_parameter(Visit&& visit) {
    visit(pst::Parameter<Scalar>{weight_name_, pst::ParameterGroup::weight, weight_, view(grad_weight_)});
    visit(pst::Parameter<Scalar>{bias_name_, pst::ParameterGroup::bias, bias_, view(grad_bias_)});
  }

 private:
  pst::Shape shape_;
  std::string weight_name_, bias_name_;
  pst::MatrixView<Scalar> weight_, bias_;
  Matrix<Scalar> grad_weight_, grad_bias_;
};

}  // namespace transformer
