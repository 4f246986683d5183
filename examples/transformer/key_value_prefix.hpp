// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/core/view.hpp>

#include "transformer/matrix.hpp"

namespace transformer {

/// Keys and values in front of those of every sequence (Li and Liang, 2021): every token sees all of them, padding and
/// causal masks aside. Each is l x width; gradients are added up over sequences. Whoever has the memory keeps it in
/// place.
template <class Scalar>
struct KeyValuePrefix {
  pst::MatrixView<const Scalar> keys{}, values{};
  pst::MatrixView<Scalar> grad_keys{}, grad_values{};

  [[nodiscard]] index_t length() const noexcept { return keys.rows; }
};

/// The part of block `number` in the vectors of a whole model, l x (2 blocks width): keys, then values.
template <class Scalar>
[[nodiscard]] KeyValuePrefix<Scalar> prefix_of_block(pst::MatrixView<const Scalar> vectors,
                                                     pst::MatrixView<Scalar> grad, index_t number, index_t width) {
  const index_t first = 2 * number * width;
  return {vectors.middle_cols(first, width), vectors.middle_cols(first + width, width), grad.middle_cols(first, width),
          grad.middle_cols(first + width, width)};
}

}  // namespace transformer
