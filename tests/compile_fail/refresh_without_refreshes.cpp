// SPDX-License-Identifier: Apache-2.0
// A refresh that does not say when the mask moves.
// expect: SaysWhenToRefresh<
// expect: Timeless
// within: 16 lines
#include "pst/pst.hpp"

struct Timeless {
  using role = pst::roles::refresh;
  bool moves_between_steps(double) const { return true; }
#ifndef PST_EXPECT_ERROR
  bool refreshes(double, std::uint64_t) const { return true; }
#endif
};

using Layer = pst::SparseLinear<>::with<Timeless>;
