// SPDX-License-Identifier: Apache-2.0
// A metric whose State cannot be made from (metric, backend, layout, weight).
// expect: IsMadeForALayer<typename
// expect: Homeless
#include "pst/pst.hpp"

struct Homeless : pst::Magnitude {
  template <class B, class Scalar>
  struct State : pst::Magnitude::State<B, Scalar> {
#ifndef PST_EXPECT_ERROR
    using pst::Magnitude::State<B, Scalar>::State;
#else
    explicit State(pst::Shape);
#endif
  };
};

using Layer = pst::SparseLinear<float, Homeless>;
