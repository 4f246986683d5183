// SPDX-License-Identifier: Apache-2.0
// A schedule where an importance metric belongs.
// expect: PlaysRole<
// expect: roles::importance
// expect: LinearSchedule
#include "pst/pst.hpp"

#ifndef PST_EXPECT_ERROR
using Metric = pst::Magnitude;
#else
using Metric = pst::LinearSchedule;
#endif

using Layer = pst::SparseLinear<float, Metric>;
