// SPDX-License-Identifier: Apache-2.0
// A metric that does not complete its gradients.
// expect: CompletesGradients<typename
// expect: state.finish_backward(
// within: 14 lines
#include "pst/pst.hpp"

struct Unfinished : pst::Magnitude {
  template <class B, class Scalar>
  struct State : pst::Magnitude::State<B, Scalar> {
    using pst::Magnitude::State<B, Scalar>::State;
#ifdef PST_EXPECT_ERROR
    void finish_backward() = delete;
#endif
  };
};

using Layer = pst::SparseLinear<float, Unfinished>;
