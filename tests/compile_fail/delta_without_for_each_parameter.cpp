// SPDX-License-Identifier: Apache-2.0
// A delta that does not show what it trains.
// expect: ShowsItsParameters<typename
// expect: state.for_each_parameter(
// within: 14 lines
#include "pst/pst.hpp"

struct Hidden : pst::Frozen {
  template <class B, class Scalar>
  struct State : pst::Frozen::State<B, Scalar> {
    using pst::Frozen::State<B, Scalar>::State;
#ifdef PST_EXPECT_ERROR
    void for_each_parameter() = delete;
#endif
  };
};

using Layer = pst::SparseLinear<float, pst::Pst, Hidden>;
