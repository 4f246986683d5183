// SPDX-License-Identifier: Apache-2.0
// A selector that does not say where blocks of rows may be cut.
// expect: SaysItsRowMultiple<
// expect: Undeclared
#include "pst/pst.hpp"

struct Undeclared {
  using role = pst::roles::selector;
#ifndef PST_EXPECT_ERROR
  static constexpr pst::index_t row_multiple = 1;
#endif
  operator pst::TopK() const { return {}; }
  template <class B, class Scalar>
  using State = pst::TopK::State<B, Scalar>;
};

using Layer = pst::SparseLinear<float, pst::Pst, pst::LowRank<>, Undeclared>;
