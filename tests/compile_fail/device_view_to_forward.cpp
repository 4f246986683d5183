// SPDX-License-Identifier: Apache-2.0
// A pointer to GPU memory handed to a layer on the CPU.
// expect: DeviceSpace
// expect: HostSpace
#include "pst/pst.hpp"

#ifndef PST_EXPECT_ERROR
using View = pst::MatrixView<float>;
#else
using View = pst::MatrixView<float, pst::DeviceSpace>;
#endif

void run(pst::SparseLinear<>& layer, View x, View y) { layer.forward(x, y); }
