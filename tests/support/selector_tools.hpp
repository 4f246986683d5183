// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/layer_tools.hpp"

namespace pst::test {

inline constexpr double all_sparsities[] = {0.0, 0.1, 0.5, 0.75, 0.9, 0.999999};
/// One row, one column, a full word, a word and one, several parts of rows, odd sides.
inline const std::vector<Shape> selector_shapes{{1, 1}, {1, 37}, {37, 1}, {64, 3}, {65, 19}, {40, 130}};

/// Scores of all kinds for a selector: on a grid (ties everywhere), constant, and spread.
template <class Scalar>
[[nodiscard]] std::vector<HostMatrix<Scalar>> selector_scores(Shape shape) {
  HostMatrix<Scalar> constant(shape.out, shape.in);
  constant.fill(Scalar{-3});
  return {Draw{1}.grid<Scalar>(shape.out, shape.in), constant, Draw{2}.normal<Scalar>(shape.out, shape.in)};
}
/// The rows of `mask` that belong to units kept by `kept`; `unit_of(r, c)` is the unit of a weight.
template <class UnitOf>
[[nodiscard]] oracle::Mask spread_over(Shape shape, const oracle::Mask& kept, UnitOf&& unit_of) {
  oracle::Mask mask;
  for (index_t r = 0; r < shape.out; ++r)
    for (index_t c = 0; c < shape.in; ++c) mask.push_back(kept[static_cast<std::size_t>(unit_of(r, c))]);
  return mask;
}

}  // namespace pst::test
