// SPDX-License-Identifier: Apache-2.0
// A selector that does not look at scores.
// expect: RanksInPasses<typename
// expect: state.observe(
// within: 14 lines
#include "pst/pst.hpp"

struct Blind : pst::Threshold {
  template <class B, class Scalar>
  struct State : pst::Threshold::State<B, Scalar> {
    using pst::Threshold::State<B, Scalar>::State;
#ifdef PST_EXPECT_ERROR
    void observe() = delete;
#endif
  };
};

using Layer = pst::SparseLinear<float, pst::Pst, pst::LowRank<>, Blind>;
