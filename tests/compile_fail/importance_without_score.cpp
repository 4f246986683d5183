// SPDX-License-Identifier: Apache-2.0
// A metric that does not score.
// expect: 'ScoresWeights<typename
// expect: state.score(
// within: 14 lines
#include "pst/pst.hpp"

struct Unscored : pst::Magnitude {
  template <class B, class Scalar>
  struct State : pst::Magnitude::State<B, Scalar> {
    using pst::Magnitude::State<B, Scalar>::State;
#ifdef PST_EXPECT_ERROR
    void score() = delete;
#endif
  };
};

using Layer = pst::SparseLinear<float, Unscored>;
