// SPDX-License-Identifier: Apache-2.0
// A metric that does not reset its gradients.
// expect: KeepsGradients<typename
// expect: state.begin_step(
// within: 14 lines
#include "pst/pst.hpp"

struct Piling : pst::Magnitude {
  template <class B, class Scalar>
  struct State : pst::Magnitude::State<B, Scalar> {
    using pst::Magnitude::State<B, Scalar>::State;
#ifdef PST_EXPECT_ERROR
    void begin_step() = delete;
#endif
  };
};

using Layer = pst::SparseLinear<float, Piling>;
