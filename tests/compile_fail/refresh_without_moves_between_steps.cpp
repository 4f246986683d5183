// SPDX-License-Identifier: Apache-2.0
// A refresh that does not say whether masks move when a layer is evaluated.
// expect: SaysWhetherMasksMoveBetweenSteps<
// expect: Silent
// within: 16 lines
#include "pst/pst.hpp"

struct Silent {
  using role = pst::roles::refresh;
  bool refreshes(double, std::uint64_t) const { return true; }
#ifndef PST_EXPECT_ERROR
  bool moves_between_steps(double) const { return true; }
#endif
};

using Layer = pst::SparseLinear<>::with<Silent>;
