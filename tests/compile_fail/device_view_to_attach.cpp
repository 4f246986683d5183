// SPDX-License-Identifier: Apache-2.0
// A weight in GPU memory for a layer on the CPU.
// expect: DeviceSpace
// expect: HostSpace
#include "pst/pst.hpp"

#ifndef PST_EXPECT_ERROR
using View = pst::MatrixView<const float>;
#else
using View = pst::MatrixView<const float, pst::DeviceSpace>;
#endif

void run(pst::SparseLinear<>& layer, View weight) { layer.attach(weight); }
