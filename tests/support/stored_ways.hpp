// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "pst/core/float16.hpp"
#include "pst/core/strided_view.hpp"
#include "support/layer_tools.hpp"

namespace pst::test {

/// One weight, stored by rows, by columns and in 16 bits: the same numbers.
struct StoredWays {
  HostMatrix<float> rows, columns;
  std::vector<BFloat16> small;

  explicit StoredWays(Shape shape) : rows{Draw{1}.normal<float>(shape.out, shape.in)}, columns(shape.in, shape.out) {
    for (index_t r = 0; r < shape.out; ++r)
      for (index_t c = 0; c < shape.in; ++c) {
        small.push_back(static_cast<BFloat16>(rows(r, c)));
        columns(c, r) = rows(r, c) = static_cast<float>(small.back());
      }
  }
  void attach(auto& by_rows, auto& by_columns, auto& in_16_bits) {
    by_rows.attach(rows.view());
    by_columns.attach(StridedView<float>{columns.view()}.transposed());
    in_16_bits.attach(MatrixView<const BFloat16>{small.data(), rows.rows(), rows.cols()});
  }
};

/// The gradients of a step in which `parameter` has other values than at first.
[[nodiscard]] std::vector<float> gradients_with(auto& layer, const char* parameter, const HostMatrix<float>& value) {
  const auto x = Draw{4}.normal<float>(5, layer.shape().in), grad_y = Draw{5}.normal<float>(5, layer.shape().out);
  assign(parameter_of(layer, parameter).value, value);
  layer.begin_step(1, 1);
  layer.backward(x.view(), grad_y.view());
  std::vector<float> all;
  layer.for_each_parameter([&](const auto& p) {
    for (index_t r = 0; r < p.grad.rows; ++r) all.insert(all.end(), p.grad.row(r), p.grad.row(r) + p.grad.cols);
  });
  return all;
}

}  // namespace pst::test
