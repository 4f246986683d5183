// SPDX-License-Identifier: Apache-2.0
// The layer without the header of its backend.
// expect: BackendIsIncluded
// expect: EigenCpu
#ifndef PST_EXPECT_ERROR
#include "pst/backend/eigen_cpu.hpp"
#endif
#include "pst/layer/sparse_linear.hpp"

using Layer = pst::SparseLinear<>;
