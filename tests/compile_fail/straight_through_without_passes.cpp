// SPDX-License-Identifier: Apache-2.0
// A rule that does not say what it makes of the gradient.
// expect: SaysWhatPasses<
// expect: Undeclared
// within: 16 lines
#include "pst/pst.hpp"

struct Undeclared {
  using role = pst::roles::straight_through;
#ifndef PST_EXPECT_ERROR
  pst::Passes passes() const { return pst::Passes::all; }
#endif
  bool through_scores() const { return false; }
  template <class Scalar>
  Scalar operator()(Scalar gradient, bool) const {
    return gradient;
  }
};

using Layer = pst::SparseLinear<>::with<Undeclared>;
