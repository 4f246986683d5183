// SPDX-License-Identifier: Apache-2.0
// A metric that stores nothing still has a State.
// expect: HasAState<
// expect: NoState
#include "pst/pst.hpp"

struct NoState {
  using role = pst::roles::importance;
  static constexpr bool learns = false;
#ifndef PST_EXPECT_ERROR
  template <class B, class Scalar>
  using State = pst::Magnitude::State<B, Scalar>;
  operator pst::Magnitude() const { return {}; }
#endif
};

using Layer = pst::SparseLinear<float, NoState>;
