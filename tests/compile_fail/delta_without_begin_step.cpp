// SPDX-License-Identifier: Apache-2.0
// A delta that does not reset its gradients.
// expect: KeepsGradients<typename
// expect: state.begin_step(
// within: 14 lines
#include "pst/pst.hpp"

struct Piling : pst::Frozen {
  template <class B, class Scalar>
  struct State : pst::Frozen::State<B, Scalar> {
    using pst::Frozen::State<B, Scalar>::State;
#ifdef PST_EXPECT_ERROR
    void begin_step() = delete;
#endif
  };
};

using Layer = pst::SparseLinear<float, pst::Pst, Piling>;
