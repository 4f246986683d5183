// SPDX-License-Identifier: Apache-2.0
// A delta that does not say whether the attached weight is trained.
// expect: SaysWhetherInPlace<
// expect: Undeclared
#include "pst/pst.hpp"

struct Undeclared {
  using role = pst::roles::delta;
  static constexpr bool learns = false;
#ifndef PST_EXPECT_ERROR
  static constexpr bool in_place = false;
#endif
  operator pst::Frozen() const { return {}; }
  template <class B, class Scalar>
  using State = pst::Frozen::State<B, Scalar>;
};

using Layer = pst::SparseLinear<float, pst::Pst, Undeclared>;
