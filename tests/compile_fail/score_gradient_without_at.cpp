// SPDX-License-Identifier: Apache-2.0
// A score gradient that does not say how the scores learn.
// expect: SaysHowScoresLearn<
// expect: Silent
// within: 16 lines
#include "pst/pst.hpp"

struct Silent {
  using role = pst::roles::score_gradient;
#ifndef PST_EXPECT_ERROR
  pst::ScoreLearning at(double, std::uint64_t, std::uint64_t) const { return {}; }
#endif
};

using Layer = pst::SparseLinear<>::with<Silent>;
