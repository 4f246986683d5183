// SPDX-License-Identifier: Apache-2.0
// A metric whose score is not const: scoring twice must give the same bits.
// expect: 'ScoresWeights<typename
// expect: Moody
#include "pst/pst.hpp"

struct Moody : pst::Magnitude {
  template <class B, class Scalar>
  struct State : pst::Magnitude::State<B, Scalar> {
    using pst::Magnitude::State<B, Scalar>::State;
#ifdef PST_EXPECT_ERROR
    void score(B&, pst::Tile, pst::ViewOn<B, const Scalar>, pst::ViewOn<B, Scalar>) {}
#endif
  };
};

using Layer = pst::SparseLinear<float, Moody>;
