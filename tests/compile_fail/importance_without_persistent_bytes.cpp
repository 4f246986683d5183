// SPDX-License-Identifier: Apache-2.0
// A metric that does not say how much memory it holds.
// expect: SaysItsMemory<typename
// expect: state.persistent_bytes(
// within: 14 lines
#include "pst/pst.hpp"

struct Unweighed : pst::Magnitude {
  template <class B, class Scalar>
  struct State : pst::Magnitude::State<B, Scalar> {
    using pst::Magnitude::State<B, Scalar>::State;
#ifdef PST_EXPECT_ERROR
    std::size_t persistent_bytes() const = delete;
#endif
  };
};

using Layer = pst::SparseLinear<float, Unweighed>;
