// SPDX-License-Identifier: Apache-2.0
// A backend that makes no workspace for a layer.
// expect: NamesItsMemory<
// expect: Partial
#include "pst/pst.hpp"

struct Partial : pst::Reference {
#ifdef PST_EXPECT_ERROR
  template <class Scalar>
  struct workspace {};
#endif
};

using Layer = pst::SparseLinear<float, pst::Magnitude, pst::Frozen, pst::TopK, pst::CubicSchedule,
                                pst::ReferenceGradient, pst::FrozenBias, Partial>;
