// SPDX-License-Identifier: Apache-2.0
// A metric that does not say what it is for.
// expect: PlaysRole<
// expect: roles::importance
// expect: Nameless
#include "pst/pst.hpp"

struct Nameless : pst::Magnitude {
#ifdef PST_EXPECT_ERROR
 private:
  using role = pst::roles::importance;
#endif
};

using Layer = pst::SparseLinear<float, Nameless>;
