// SPDX-License-Identifier: Apache-2.0
#include "pst/selector/block.hpp"

#include <doctest/doctest.h>

#include "support/selector_tools.hpp"

namespace pst::test {
namespace {

/// Tiles ranked by the sum of their scores; one cut off by an edge by its mean times the whole tile's size.
template <class Scalar>
oracle::Mask by_tiles(const HostMatrix<Scalar>& scores, index_t rows, index_t cols, double sparsity) {
  const index_t tall = (scores.rows() + rows - 1) / rows, wide = (scores.cols() + cols - 1) / cols;
  oracle::Mat sums(tall, wide), sizes(tall, wide);
  for (index_t r = 0; r < scores.rows(); ++r)
    for (index_t c = 0; c < scores.cols(); ++c) {
      sums(r / rows, c / cols) += static_cast<double>(scores(r, c));
      sizes(r / rows, c / cols) += 1;
    }
  for (index_t r = 0; r < tall; ++r)
    for (index_t c = 0; c < wide; ++c)
      sums(r, c) = static_cast<Scalar>(sums(r, c) * static_cast<double>(rows * cols) / sizes(r, c));
  const Shape shape{.in = scores.cols(), .out = scores.rows()};
  return spread_over(shape, oracle::lowest_pruned(sums, sparsity),
                     [&](index_t r, index_t c) { return r / rows * wide + c / cols; });
}
template <class T, index_t R, index_t C>
void check_tiles() {
  using Scalar = typename T::scalar;
  for (Shape shape : {Shape{1, 1}, Shape{1, 37}, Shape{37, 1}, Shape{65, 19}, Shape{40, 130}, Shape{64, 64}})
    for (double sparsity : all_sparsities)
      for (const auto& scores : selector_scores<Scalar>(shape))
        CHECK(selected<T, Block<R, C>>(scores, sparsity) == by_tiles(scores, R, C, sparsity));
}

TEST_CASE_TEMPLATE("tiles of 3 x 5 are kept or pruned as a whole, at odd edges too", T, ReferenceDouble, PartsFloat) {
  check_tiles<T, 3, 5>();
}
TEST_CASE_TEMPLATE("tiles of 4 x 1 and 32 x 32 are kept or pruned as a whole", T, ReferenceDouble, PartsFloat) {
  check_tiles<T, 4, 1>();
  check_tiles<T, 32, 32>();
}
TEST_CASE_TEMPLATE("tiles of one weight are ranked as top_k ranks weights", T, ReferenceFloat, PartsFloat) {
  const auto scores = Draw{1}.grid<float>(40, 33);
  CHECK(selected<T, Block<1, 1>>(scores, 0.6) == selected<T, TopK>(scores, 0.6));
}

}  // namespace
}  // namespace pst::test
