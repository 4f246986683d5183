// SPDX-License-Identifier: Apache-2.0
#include "pst/layer/sparse_linear.hpp"

#include <doctest/doctest.h>

#include "support/posed_layer.hpp"

namespace pst::test {
namespace {

/// The corners first, then random shapes.
std::vector<Case> all_cases() {
  std::vector<Case> cases{
      {{1, 1}, 1, 1, 1, 0.0, true},      {{1, 1}, 3, 2, 3, 0.999999, false}, {{1, 23}, 3, 2, 5, 0.5, true},
      {{23, 1}, 3, 5, 2, 0.5, true},     {{7, 5}, 0, 3, 2, 0.5, true},       {{7, 5}, 1, 8, 7, 0.9, false},
      {{64, 9}, 64, 3, 2, 0.5, true},    {{65, 33}, 65, 2, 65, 0.9, false},  {{67, 40}, 130, 8, 8, 0.9, true},
      {{128, 3}, 130, 1, 1, 0.5, false}, {{12, 130}, 3, 4, 4, 0.0, false},   {{31, 29}, 64, 31, 30, 0.999999, true},
      {{260, 17}, 65, 3, 4, 0.7, false}, {{110, 100}, 5, 3, 4, 0.6, true},   {{600, 19}, 9, 5, 33, 0.9, false},
      {{257, 4}, 17, 3, 4, 0.5, true},
  };
  Draw draw{7};
  for (int n = 0; n < 8; ++n) {
    const double sparsities[] = {0.1, 0.5, 0.9, 0.75};
    cases.push_back({{draw.between(1, 70), draw.between(1, 70)},
                     draw.between(1, 100),
                     draw.between(1, 12),
                     draw.between(1, 12),
                     sparsities[n % 4],
                     n % 2 == 0});
  }
  return cases;
}

/// The mask prunes trunc(size * sparsity) weights; all below the threshold and none above it, but for rounding.
template <class Scalar>
void check_mask(const oracle::Mask& mask, const oracle::Mat& score, const oracle::Mask& truth, bool exact) {
  if (exact) {
    CHECK(mask == truth);
    return;
  }
  CHECK(kept_in(mask) == kept_in(truth));
  double highest_pruned = -1e300, lowest_kept = 1e300, largest = 0;
  for (index_t o = 0; o < score.rows(); ++o)
    for (index_t i = 0; i < score.cols(); ++i) {
      const bool kept = mask[oracle::at(score, o, i)] != 0;
      if (kept) lowest_kept = std::min(lowest_kept, score(o, i));
      if (!kept) highest_pruned = std::max(highest_pruned, score(o, i));
      largest = std::max(largest, std::abs(score(o, i)));
    }
  CHECK(highest_pruned - lowest_kept <= tolerances<Scalar>::value * (1 + largest));
}

template <class T, class StraightThrough>
void check_step(const Case& now, oracle::Rule rule, double dense_above_density) {
  using Scalar = typename T::scalar;
  using Layer = PstLayer<T, StraightThrough>;
  CAPTURE(now.shape.in);
  CAPTURE(now.shape.out);
  CAPTURE(now.tokens);
  CAPTURE(now.sparsity);
  CAPTURE(dense_above_density);
  Posed<Layer> posed{now, rule, {.dense_above_density = dense_above_density}};
  posed.layer.begin_step(1, 2);
  const oracle::Mat score = oracle::scores(posed.problem, oracle::effective_weight(posed.problem));
  check_mask<Scalar>(unpacked(posed.layer.mask()), score, oracle::lowest_pruned(score, now.sparsity), now.grid);
  posed.pass();
  posed.check();
}

TEST_CASE_TEMPLATE("one step of PST gives the mask, outputs and gradients of the equations", T, ReferenceDouble,
                   PartsFloat) {
  for (const Case& now : all_cases())
    for (double dense_above_density : {0.0, 1.0})
      check_step<T, ReferenceGradient>(now, oracle::Rule::reference, dense_above_density);
}
TEST_CASE_TEMPLATE("the masked rule teaches kept weights alone and the dense rule all of them", T, ReferenceDouble,
                   PartsFloat) {
  for (const Case& now : all_cases()) {
    check_step<T, MaskedGradient>(now, oracle::Rule::masked, 1.0);
    check_step<T, DenseGradient>(now, oracle::Rule::dense, 0.0);
  }
}

}  // namespace
}  // namespace pst::test
