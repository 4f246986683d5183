// SPDX-License-Identifier: Apache-2.0
#include "pst/selector/per_row.hpp"

#include <doctest/doctest.h>

#include "support/selector_tools.hpp"

namespace pst::test {
namespace {

/// Every row ranked alone.
template <class Scalar>
oracle::Mask by_rows(const HostMatrix<Scalar>& scores, double sparsity) {
  oracle::Mask mask;
  for (index_t r = 0; r < scores.rows(); ++r) {
    oracle::Mat row(1, scores.cols());
    for (index_t c = 0; c < scores.cols(); ++c) row(0, c) = static_cast<double>(scores(r, c));
    const auto kept = oracle::lowest_pruned(row, sparsity);
    mask.insert(mask.end(), kept.begin(), kept.end());
  }
  return mask;
}

TEST_CASE_TEMPLATE("per_row prunes the lowest of each row, equal ones from the left", T, ReferenceDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  for (Shape shape : selector_shapes)
    for (double sparsity : all_sparsities) {
      for (const auto& scores : selector_scores<Scalar>(shape))
        CHECK(selected<T, PerRow>(scores, sparsity) == by_rows(scores, sparsity));
      const auto hard = hard_scores<Scalar>(shape.out, shape.in, 3);
      CHECK(selected<T, PerRow>(hard, sparsity) == by_rows(hard, sparsity));
    }
}

}  // namespace
}  // namespace pst::test
