// SPDX-License-Identifier: Apache-2.0
// A bias that does not say, at compile time, whether it is trained.
// expect: SaysWhetherTrained<
// expect: Undeclared
// within: 16 lines
#include "pst/pst.hpp"

struct Undeclared {
  using role = pst::roles::bias;
#ifndef PST_EXPECT_ERROR
  static constexpr bool trained = true;
#else
  bool trained = true;
#endif
};

using Layer = pst::SparseLinear<>::with<Undeclared>;
