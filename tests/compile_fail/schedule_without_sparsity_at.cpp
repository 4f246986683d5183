// SPDX-License-Identifier: Apache-2.0
// A schedule that gives no sparsity.
// expect-gcc: 'GivesSparsity<
// expect-clang: 'GivesSparsity'
// expect: Half
#include "pst/pst.hpp"

struct Half {
  using role = pst::roles::schedule;
#ifndef PST_EXPECT_ERROR
  double sparsity_at(double, double) const { return 0.5; }
#endif
};

using Layer = pst::SparseLinear<float, pst::Pst, pst::LowRank<>, pst::TopK, Half>;
