// SPDX-License-Identifier: Apache-2.0
// A delta that does not say whether it has parameters.
// expect: SaysWhetherItLearns<
// expect: Undeclared
#include "pst/pst.hpp"

struct Undeclared {
  using role = pst::roles::delta;
  static constexpr bool in_place = false;
#ifndef PST_EXPECT_ERROR
  static constexpr bool learns = false;
#endif
  operator pst::Frozen() const { return {}; }
  template <class B, class Scalar>
  using State = pst::Frozen::State<B, Scalar>;
};

using Layer = pst::SparseLinear<float, pst::Pst, Undeclared>;
