// SPDX-License-Identifier: Apache-2.0
// A rule that does not say whether the weight learns through its score.
// expect: SaysWhetherThroughScores<
// expect: Undeclared
// within: 16 lines
#include "pst/pst.hpp"

struct Undeclared {
  using role = pst::roles::straight_through;
  pst::Passes passes() const { return pst::Passes::all; }
#ifndef PST_EXPECT_ERROR
  bool through_scores() const { return false; }
#endif
  template <class Scalar>
  Scalar operator()(Scalar gradient, bool) const {
    return gradient;
  }
};

using Layer = pst::SparseLinear<>::with<Undeclared>;
