// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/core/error.hpp>

#include <cmath>
#include <span>

#include "transformer/matrix.hpp"

namespace transformer {

/// Learning from a teacher's logits besides the labels (Hinton et al., 2015): with the weight h and temperature T
///
///     loss = (1 - h) hard + h T^2 KL(softmax(teacher / T) || softmax(logits / T)),
///
/// whose factor T^2 keeps the gradients of the second part as large as those of the first.
struct Distillation {
  double weight = 0.5;       ///< h, of the teacher
  double temperature = 2.0;  ///< T

  /// The mean of `T^2 KL` over rows, and its gradient; `teacher` has a logit for each of `logits`, row by row.
  template <class Scalar>
  double soft(const Matrix<Scalar>& logits, std::span<const Scalar> teacher, Matrix<Scalar>& grad) const {
    pst::require(static_cast<index_t>(teacher.size()) == logits.size(), "the teacher has ", teacher.size(),
                 " numbers for ", logits.rows(), " rows of ", logits.cols(), " logits, expected as many");
    const auto t = static_cast<Scalar>(temperature);
    const auto said = Eigen::Map<const Matrix<Scalar>>{teacher.data(), logits.rows(), logits.cols()};
    const Matrix<Scalar> log_teacher = log_softmax<Scalar>(said / t), log_student = log_softmax<Scalar>(logits / t);
    const Matrix<Scalar> share = log_teacher.array().exp().matrix();
    const auto rows = static_cast<Scalar>(logits.rows());
    grad = ((log_student.array().exp() - share.array()) * (t / rows)).matrix();
    return static_cast<double>(t * t / rows * (share.array() * (log_teacher - log_student).array()).sum());
  }

  /// Both parts as one: the loss, and in `grad`, which has that of `hard`, the gradient.
  template <class Scalar>
  double mix(double hard, double taught, const Matrix<Scalar>& grad_taught, Matrix<Scalar>& grad) const {
    grad = static_cast<Scalar>(1 - weight) * grad + static_cast<Scalar>(weight) * grad_taught;
    return (1 - weight) * hard + weight * taught;
  }

 private:
  template <class Scalar>
  static Matrix<Scalar> log_softmax(Matrix<Scalar> logits) {
    for (index_t row = 0; row < logits.rows(); ++row) {
      logits.row(row).array() -= logits.row(row).maxCoeff();
      logits.row(row).array() -= std::log(logits.row(row).array().exp().sum());
    }
    return logits;
  }
};

}  // namespace transformer
