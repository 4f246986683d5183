// SPDX-License-Identifier: Apache-2.0
// A selector that cannot begin a step.
// expect: RanksInPasses<typename
// expect: state.begin(
// within: 14 lines
#include "pst/pst.hpp"

struct Late : pst::Threshold {
  template <class B, class Scalar>
  struct State : pst::Threshold::State<B, Scalar> {
    using pst::Threshold::State<B, Scalar>::State;
#ifdef PST_EXPECT_ERROR
    void begin() = delete;
#endif
  };
};

using Layer = pst::SparseLinear<float, pst::Pst, pst::LowRank<>, Late>;
