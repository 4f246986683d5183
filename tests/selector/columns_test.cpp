// SPDX-License-Identifier: Apache-2.0
#include "pst/selector/columns.hpp"

#include <doctest/doctest.h>

#include "support/selector_tools.hpp"

namespace pst::test {
namespace {

TEST_CASE_TEMPLATE("columns prunes the inputs with the lowest sums, equal ones from the left", T, ReferenceDouble,
                   PartsFloat) {
  using Scalar = typename T::scalar;
  for (Shape shape : selector_shapes)
    for (double sparsity : all_sparsities)
      for (const auto& scores : selector_scores<Scalar>(shape)) {
        oracle::Mat sums(1, shape.in);
        for (index_t r = 0; r < shape.out; ++r)
          for (index_t c = 0; c < shape.in; ++c) sums(0, c) += static_cast<double>(scores(r, c));
        CHECK(selected<T, Columns>(scores, sparsity) ==
              spread_over(shape, oracle::lowest_pruned(sums, sparsity), [](index_t, index_t c) { return c; }));
      }
}
TEST_CASE_TEMPLATE("columns forgets the sums of the step before", T, ReferenceFloat, PartsFloat) {
  const auto weight = Draw{1}.normal<float>(33, 4);
  ScoredLayer<T, Columns> layer{{.in = 4, .out = 33}, {.schedule = {.sparsity = 0.5}}};
  layer.attach(weight.view());
  HostMatrix<float> scores(33, 4);
  for (index_t low : {0, 3, 1}) {  // columns `low` and 2 have the lowest sums now
    scores.fill(2), scores(17, low) = -9, scores(3, 2) = -9;
    assign(parameter_of(layer, "score.S").value, scores);
    layer.begin_step(0, 1);
    for (index_t c = 0; c < 4; ++c) CHECK(layer.mask()(0, c) == (c != low && c != 2));
  }
}

}  // namespace
}  // namespace pst::test
