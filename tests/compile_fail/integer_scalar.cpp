// SPDX-License-Identifier: Apache-2.0
// A layer of integers.
// expect: FloatOrDouble
// expect: Scalar = int
#include "pst/pst.hpp"

#ifndef PST_EXPECT_ERROR
using Scalar = double;
#else
using Scalar = int;
#endif

using Layer = pst::SparseLinear<Scalar>;
