// SPDX-License-Identifier: Apache-2.0
// A rank that chooses none.
// expect: ChoosesRank<RankChoice
// expect: Unsure
#include "pst/pst.hpp"

struct Unsure {
  using role = pst::roles::rank;
#ifndef PST_EXPECT_ERROR
  template <class B, class Weight>
  pst::index_t choose(B&, Weight) const {
    return 4;
  }
#endif
};

using Layer = pst::SparseLinear<float, pst::Magnitude, pst::LowRank<Unsure>>;
