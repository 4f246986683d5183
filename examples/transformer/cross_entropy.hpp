// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/core/error.hpp>

#include <cmath>
#include <span>

#include "transformer/matrix.hpp"

namespace transformer {

/// The mean over labelled rows of -sum_c target_c log softmax(logits)_c.
struct CrossEntropy {
  double smoothing = 0.0;  ///< the share of every target that is spread over all classes
  int ignored = -1;        ///< rows with this label count for nothing

  /// Returns the loss and writes its gradient. Labels are class numbers, one per row of `logits`.
  template <class Scalar>
  double operator()(const Matrix<Scalar>& logits, std::span<const int> labels, Matrix<Scalar>& grad) const {
    pst::require(static_cast<index_t>(labels.size()) == logits.rows(), "cross-entropy has ", labels.size(),
                 " labels for ", logits.rows(), " rows of logits");
    grad.setZero(logits.rows(), logits.cols());
    index_t counted = 0;
    for (const int label : labels) counted += label != ignored ? 1 : 0;
    if (counted == 0) return 0.0;

    const auto share = static_cast<Scalar>(1.0 / static_cast<double>(counted));
    const auto spread = static_cast<Scalar>(smoothing / static_cast<double>(logits.cols()));
    const auto sharp = static_cast<Scalar>(1.0 - smoothing);
    double loss = 0.0;
    for (index_t row = 0; row < logits.rows(); ++row) {
      const int label = labels[static_cast<std::size_t>(row)];
      if (label == ignored) continue;
      pst::require(label >= 0 && label < logits.cols(), "row ", row, " has label ", label, ", expected 0 to ",
                   logits.cols() - 1);
      const Scalar top = logits.row(row).maxCoeff();
      grad.row(row) = (logits.row(row).array() - top).exp();
      const Scalar sum = grad.row(row).sum();
      const Scalar log_sum = top + std::log(sum);
      loss += static_cast<double>(log_sum - sharp * logits(row, label) - spread * logits.row(row).sum());
      grad.row(row).array() = (grad.row(row).array() / sum - spread) * share;
      grad(row, label) -= sharp * share;
    }
    return loss / static_cast<double>(counted);
  }
};

}  // namespace transformer
