// SPDX-License-Identifier: Apache-2.0
// with<> of a scalar that is no floating-point number.
// expect: 'ReplacesAPolicy<
// expect: P = int
#include "pst/pst.hpp"

#ifndef PST_EXPECT_ERROR
using Scalar = double;
#else
using Scalar = int;
#endif

using Layer = pst::SparseLinear<>::with<Scalar>;
