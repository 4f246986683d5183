// SPDX-License-Identifier: Apache-2.0
// A rule that passes no gradient.
// expect: PassesGradient<
// expect: Closed
// within: 16 lines
#include "pst/pst.hpp"

struct Closed {
  using role = pst::roles::straight_through;
  pst::Passes passes() const { return pst::Passes::all; }
  bool through_scores() const { return false; }
#ifndef PST_EXPECT_ERROR
  template <class Scalar>
  Scalar operator()(Scalar gradient, bool) const {
    return gradient;
  }
#endif
};

using Layer = pst::SparseLinear<>::with<Closed>;
