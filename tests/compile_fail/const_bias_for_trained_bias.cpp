// SPDX-License-Identifier: Apache-2.0
// A constant bias for a layer that trains it in place.
// expect: MatrixView<const float
// expect: MatrixView<float
// expect: BiasView
#include "pst/pst.hpp"

#ifndef PST_EXPECT_ERROR
using View = pst::MatrixView<float>;
#else
using View = pst::MatrixView<const float>;
#endif

void run(pst::SparseLinear<>::with<pst::TrainedBias>& layer, pst::MatrixView<const float> weight, View bias) {
  layer.attach(weight, bias);
}
