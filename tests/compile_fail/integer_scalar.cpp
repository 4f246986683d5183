// SPDX-License-Identifier: Apache-2.0
// A layer of integers.
// expect: floating_point
// expect: Scalar = int
// within: 20 lines
#include "pst/pst.hpp"

#ifndef PST_EXPECT_ERROR
using Scalar = double;
#else
using Scalar = int;
#endif

using Layer = pst::SparseLinear<Scalar>;
