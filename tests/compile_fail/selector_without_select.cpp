// SPDX-License-Identifier: Apache-2.0
// A selector that does not write the mask.
// expect: WritesTheMask<typename
// expect: state.select(
// within: 14 lines
#include "pst/pst.hpp"

struct Undecided : pst::Threshold {
  template <class B, class Scalar>
  struct State : pst::Threshold::State<B, Scalar> {
    using pst::Threshold::State<B, Scalar>::State;
#ifdef PST_EXPECT_ERROR
    void select() = delete;
#endif
  };
};

using Layer = pst::SparseLinear<float, pst::Pst, pst::LowRank<>, Undecided>;
