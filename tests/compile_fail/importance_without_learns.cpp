// SPDX-License-Identifier: Apache-2.0
// A metric that does not say whether it has parameters.
// expect: SaysWhetherItLearns<
// expect: Undeclared
#include "pst/pst.hpp"

struct Undeclared {
  using role = pst::roles::importance;
#ifndef PST_EXPECT_ERROR
  static constexpr bool learns = false;
#endif
  operator pst::Magnitude() const { return {}; }
  template <class B, class Scalar>
  using State = pst::Magnitude::State<B, Scalar>;
};

using Layer = pst::SparseLinear<float, Undeclared>;
