// SPDX-License-Identifier: Apache-2.0
// A metric that does not show what it trains.
// expect: ShowsItsParameters<typename
// expect: state.for_each_parameter(
// within: 14 lines
#include "pst/pst.hpp"

struct Hidden : pst::Magnitude {
  template <class B, class Scalar>
  struct State : pst::Magnitude::State<B, Scalar> {
    using pst::Magnitude::State<B, Scalar>::State;
#ifdef PST_EXPECT_ERROR
    void for_each_parameter() = delete;
#endif
  };
};

using Layer = pst::SparseLinear<float, Hidden>;
