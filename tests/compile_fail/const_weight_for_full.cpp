// SPDX-License-Identifier: Apache-2.0
// A constant weight for a layer that trains it in place.
// expect: MatrixView<const float
// expect: StridedView<float
// expect: WeightView
// expect: Full
// within-clang: 20 lines
#include "pst/pst.hpp"

#ifndef PST_EXPECT_ERROR
using View = pst::MatrixView<float>;
#else
using View = pst::MatrixView<const float>;
#endif

void run(pst::SparseLinear<>::with<pst::Full>& layer, View weight) { layer.attach(weight); }
