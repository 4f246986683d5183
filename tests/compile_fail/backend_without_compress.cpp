// SPDX-License-Identifier: Apache-2.0
// A backend that compresses no weights.
// expect: MultipliesCompressed<
// expect: Partial
#include "pst/pst.hpp"

struct Partial : pst::Reference {
#ifdef PST_EXPECT_ERROR
  void compress() = delete;
#endif
};

using Layer = pst::SparseLinear<float, pst::Magnitude, pst::Frozen, pst::TopK, pst::CubicSchedule,
                                pst::ReferenceGradient, pst::FrozenBias, Partial>;
