// SPDX-License-Identifier: Apache-2.0
// A term of a sum that does not score.
// expect: Unscored
// expect-gcc: ImportanceMetric<Term, B, Scalar>
// expect-clang: 'StateOf' [with Term = Unscored]
#include "pst/pst.hpp"

struct Unscored : pst::Magnitude {
  template <class B, class Scalar>
  struct State : pst::Magnitude::State<B, Scalar> {
    using pst::Magnitude::State<B, Scalar>::State;
#ifdef PST_EXPECT_ERROR
    void score() = delete;
#endif
  };
};

using Layer = pst::SparseLinear<float, pst::Sum<Unscored, pst::RowColumnScore>>;
