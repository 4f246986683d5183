// SPDX-License-Identifier: Apache-2.0
#include "pst/selector/rows.hpp"

#include <doctest/doctest.h>

#include "support/selector_tools.hpp"

namespace pst::test {
namespace {

TEST_CASE_TEMPLATE("rows prunes the outputs with the lowest sums, equal ones from the top", T, ReferenceDouble,
                   PartsFloat) {
  using Scalar = typename T::scalar;
  for (Shape shape : selector_shapes)
    for (double sparsity : all_sparsities)
      for (const auto& scores : selector_scores<Scalar>(shape)) {
        oracle::Mat sums(shape.out, 1);
        for (index_t r = 0; r < shape.out; ++r)
          for (index_t c = 0; c < shape.in; ++c) sums(r, 0) += static_cast<double>(scores(r, c));
        CHECK(selected<T, Rows>(scores, sparsity) ==
              spread_over(shape, oracle::lowest_pruned(sums, sparsity), [](index_t r, index_t) { return r; }));
      }
}

}  // namespace
}  // namespace pst::test
