// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "finetune/model/layer.hpp"

namespace finetune {

/// Gives every row of a weight the length that is its own in `norms`, as DoRA does; a row of zeros stays zero.
inline void set_row_norms(Matrix& weight, std::span<const float> norms) {
  for (index_t r = 0; r < weight.rows(); ++r) {
    const double norm = weight.row(r).cast<double>().norm();
    weight.row(r) *= norm == 0 ? 0.0F : static_cast<float>(double{norms[static_cast<std::size_t>(r)]} / norm);
  }
}

}  // namespace finetune
