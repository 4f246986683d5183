// SPDX-License-Identifier: Apache-2.0
// A scalar whose bits cannot be ranked.
// expect: FloatOrDouble
// expect: long double
#include "pst/pst.hpp"

#ifndef PST_EXPECT_ERROR
using Scalar = double;
#else
using Scalar = long double;
#endif

using Layer = pst::SparseLinear<Scalar>;
