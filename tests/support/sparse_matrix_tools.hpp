// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <doctest/doctest.h>

#include <vector>

#include "pst/serve/sparse_matrix.hpp"
#include "support/host_matrix.hpp"
#include "support/tolerances.hpp"

/// Checks of SparseMatrix on any backend of the host. No header of Eigen: Thrust is checked by them too.
namespace pst::test {

/// Around steps of 256 and panels of 1024 columns, and more columns than 16 bits can number.
inline constexpr Shape sparse_shapes[] = {{1, 1},    {1, 300},   {70, 1},    {255, 9},   {256, 64},  {257, 31},
                                          {769, 40}, {1023, 17}, {1024, 16}, {1025, 33}, {2300, 40}, {70000, 3}};
/// Each way that blocks of tokens are cut.
inline constexpr index_t sparse_tokens[] = {0, 1, 2, 8, 9, 16, 17, 24, 25, 33, 64, 65};

/// N(0, 1), a tenth of it not zero; every fifth row is empty, and so are the first column and every 100th.
template <class T>
[[nodiscard]] HostMatrix<T> sparse_normal(Shape shape, Draw& draw, index_t gap = 0) {
  auto weight = draw.normal<T>(shape.out, shape.in, gap);
  for (index_t r = 0; r < shape.out; ++r)
    for (index_t c = 0; c < shape.in; ++c)
      if (r % 5 == 4 || (c % 100 == 0 && shape.in > 1) || draw.between(0, 9) != 0) weight(r, c) = T{0};
  return weight;
}
/// As numbers of another type and back.
template <class Value, class T>
[[nodiscard]] HostMatrix<T> rounded_to(const HostMatrix<T>& weight) {
  HostMatrix<T> out(weight.rows(), weight.cols());
  for (index_t r = 0; r < weight.rows(); ++r)
    for (index_t c = 0; c < weight.cols(); ++c) out(r, c) = static_cast<T>(static_cast<Value>(weight(r, c)));
  return out;
}
[[nodiscard]] inline index_t nonzeros(const auto& weight) {
  index_t count = 0;
  for (index_t r = 0; r < weight.rows(); ++r)
    for (index_t c = 0; c < weight.cols(); ++c) count += weight(r, c) != 0 ? 1 : 0;
  return count;
}

/// Products of one shape with all numbers of tokens, against plain loops in double.
template <class Matrix, class Value>
void check_sparse_matrix(Shape shape) {
  using T = typename Matrix::scalar;
  CAPTURE(shape.in);
  CAPTURE(shape.out);
  Draw draw{static_cast<std::uint64_t>(shape.in + 100 * shape.out)};
  const auto given = sparse_normal<T>(shape, draw, 2), bias = draw.normal<T>(1, shape.out);
  const auto truth = rounded_to<Value>(given);
  const Matrix weight{given.view()};
  CHECK(weight.shape() == shape);
  CHECK(weight.kept() == nonzeros(truth));
  HostMatrix<T> dense(shape.out, shape.in, 1);
  dense.fill(9);
  weight.to_dense(dense.view());
  CHECK(distance(dense, truth) == 0);
  CHECK(dense.gap_is_untouched());

  for (const index_t tokens : sparse_tokens) {
    if (tokens > 9 && shape.in > 10000) continue;  // a matter of seconds
    CAPTURE(tokens);
    const auto x = draw.normal<T>(tokens, shape.in, 3);
    for (const MatrixView<const T> added : {bias.view(), MatrixView<const T>{}}) {
      HostMatrix<double> expected(tokens, shape.out);
      for (index_t t = 0; t < tokens; ++t)
        for (index_t o = 0; o < shape.out; ++o) {
          if (!added.empty()) expected(t, o) = double{added(0, o)};
          for (index_t i = 0; i < shape.in; ++i) expected(t, o) += double{truth(o, i)} * double{x(t, i)};
        }
      HostMatrix<T> y(tokens, shape.out, 5);
      y.fill(17);
      weight.product(x.view(), y.view(), added);
      CHECK(distance(y, expected) <= tolerances<T>::value);
      CHECK(y.gap_is_untouched());
    }
  }
}

}  // namespace pst::test
