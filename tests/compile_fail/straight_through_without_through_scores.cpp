// SPDX-License-Identifier: Apache-2.0
// A rule that does not say whether the weight learns through its score.
// expect: SaysWhetherThroughScores<
// expect: Undeclared
// within: 16 lines
#include "pst/pst.hpp"

struct Undeclared {
  using role = pst::roles::straight_through;
#ifndef PST_EXPECT_ERROR
  static constexpr bool through_scores = false;
#endif
  template <class Scalar>
  Scalar operator()(Scalar gradient, bool) const {
    return gradient;
  }
};

using Layer = pst::SparseLinear<>::with<Undeclared>;
