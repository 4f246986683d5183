// SPDX-License-Identifier: Apache-2.0
// A delta that does not give the weight.
// expect: GivesTheWeight<typename
// expect: state.effective(
// within: 14 lines
#include "pst/pst.hpp"

struct Weightless : pst::Frozen {
  template <class B, class Scalar>
  struct State : pst::Frozen::State<B, Scalar> {
    using pst::Frozen::State<B, Scalar>::State;
#ifdef PST_EXPECT_ERROR
    void effective() = delete;
#endif
  };
};

using Layer = pst::SparseLinear<float, pst::Pst, Weightless>;
