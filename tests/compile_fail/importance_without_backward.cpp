// SPDX-License-Identifier: Apache-2.0
// A metric that does not learn from the gradient of its scores.
// expect: LearnsFromScoreGradient<typename
// expect: state.backward(
// within: 14 lines
#include "pst/pst.hpp"

struct Deaf : pst::Magnitude {
  template <class B, class Scalar>
  struct State : pst::Magnitude::State<B, Scalar> {
    using pst::Magnitude::State<B, Scalar>::State;
#ifdef PST_EXPECT_ERROR
    void backward() = delete;
#endif
  };
};

using Layer = pst::SparseLinear<float, Deaf>;
