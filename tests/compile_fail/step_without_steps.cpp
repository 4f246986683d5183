// SPDX-License-Identifier: Apache-2.0
// The number of steps is forgotten: this must not be a jump to the end of the run.
// expect: begin_step
// within: 6 lines
#include "pst/pst.hpp"

void train(pst::SparseLinear<>& layer) {
#ifdef PST_EXPECT_ERROR
  layer.begin_step(1);
#else
  layer.begin_step(1, 2);
#endif
}
