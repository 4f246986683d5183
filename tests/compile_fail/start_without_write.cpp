// SPDX-License-Identifier: Apache-2.0
// A start of factors that writes none.
// expect: StartsFactors<StartChoice
// expect: Unsure
#include "pst/pst.hpp"

struct Unsure {
  using role = pst::roles::start;
#ifndef PST_EXPECT_ERROR
  template <class B, class View>
  void write(B&, const pst::UnstartedFactors<View>&) const {}
#endif
};

using Layer = pst::SparseLinear<float, pst::Magnitude, pst::LowRank<pst::Rank<8>, Unsure>>;
