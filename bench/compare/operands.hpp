// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "axes.hpp"
#include "matrices.hpp"

namespace compare {

using bench::EigenMatrix;
using pst::index_t;

/// A weight as fine-tuning finds it.
[[nodiscard]] inline EigenMatrix make_weight(pst::Shape shape) {
  return bench::make_normal(shape.out, shape.in, 3, 0.05);
}

/// What comes into and out of a layer for `tokens` tokens.
struct Activations {
  EigenMatrix x, grad_y, y, grad_x;

  Activations(pst::Shape shape, index_t tokens)
      : x{bench::make_normal(tokens, shape.in, 1)},
        grad_y{bench::make_normal(tokens, shape.out, 2)},
        y{EigenMatrix::Zero(tokens, shape.out)},
        grad_x{EigenMatrix::Zero(tokens, shape.in)} {}
};

}  // namespace compare
