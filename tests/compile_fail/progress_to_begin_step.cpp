// SPDX-License-Identifier: Apache-2.0
// A progress where a step is expected, and a step without the number of steps.
// expect: begin_step
// within-gcc: 6 lines
// within-clang: 6 lines
#include "pst/pst.hpp"

void train(pst::SparseLinear<>& layer) {
#ifdef PST_EXPECT_ERROR
  layer.begin_step(0.5, 1.0);
#else
  layer.begin_step(1, 2);
#endif
}
