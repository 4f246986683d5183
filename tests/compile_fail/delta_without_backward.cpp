// SPDX-License-Identifier: Apache-2.0
// A delta that does not learn from the gradient of the weight.
// expect: LearnsFromGradients<typename
// expect: LearnsFromWeightGradient<
// expect-clang: state.backward(
// within: 14 lines
#include "pst/pst.hpp"

struct Stubborn : pst::Frozen {
  template <class B, class Scalar>
  struct State : pst::Frozen::State<B, Scalar> {
    using pst::Frozen::State<B, Scalar>::State;
#ifdef PST_EXPECT_ERROR
    void backward() = delete;
#endif
  };
};

using Layer = pst::SparseLinear<float, pst::Pst, Stubborn>;
