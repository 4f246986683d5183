// SPDX-License-Identifier: Apache-2.0
#include "pst/selector/top_k.hpp"

#include <doctest/doctest.h>

#include "support/selector_tools.hpp"

namespace pst::test {
namespace {

TEST_CASE_TEMPLATE("top_k prunes what a stable sort puts first", T, ReferenceDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  for (Shape shape : selector_shapes)
    for (double sparsity : all_sparsities) {
      for (const auto& scores : selector_scores<Scalar>(shape))
        CHECK(selected<T, TopK>(scores, sparsity) == oracle::lowest_pruned(scores.template as<double>(), sparsity));
      const auto hard = hard_scores<Scalar>(shape.out, shape.in, 3);
      CHECK(selected<T, TopK>(hard, sparsity) == oracle::lowest_pruned(hard.template as<double>(), sparsity));
    }
}
TEST_CASE_TEMPLATE("top_k keeps exactly k when ties reach over all parts of the rows", T, ReferenceFloat, PartsFloat) {
  // one row in the last part is below all others
  HostMatrix<float> scores(130, 5);
  for (index_t c = 0; c < 5; ++c) scores(129, c) = -1;
  for (index_t pruned : {4, 5, 6, 10, 300, 649}) {
    const double sparsity = (static_cast<double>(pruned) + 0.5) / 650;
    const auto mask = selected<T, TopK>(scores, sparsity);
    CHECK(kept_in(mask) == 650 - pruned);
    CHECK(mask == oracle::lowest_pruned(scores.as<double>(), sparsity));
  }
}
TEST_CASE_TEMPLATE("top_k ranks anew at every step", T, ReferenceFloat, PartsFloat) {
  const auto weight = Draw{1}.normal<float>(33, 20);
  ScoredLayer<T, TopK> layer{{.in = 20, .out = 33}, {.schedule = {.sparsity = 0.4}}};
  layer.attach(weight.view());
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    const auto scores = Draw{seed}.grid<float>(33, 20);
    assign(parameter_of(layer, "score.S").value, scores);
    layer.begin_step(0, 1);
    CHECK(unpacked(layer.mask()) == oracle::lowest_pruned(scores.as<double>(), 0.4));
  }
}

}  // namespace
}  // namespace pst::test
