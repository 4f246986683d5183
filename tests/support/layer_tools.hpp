// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pst/pst.hpp"
#include "support/host_matrix.hpp"
#include "support/oracle.hpp"
#include "support/test_types.hpp"
#include "support/tolerances.hpp"

namespace pst::test {

/// PST with ranks set at run time, one sparsity, and a bias that trains.
template <class T, class StraightThrough = ReferenceGradient>
using PstLayer =
    SparseLinear<typename T::scalar, Sum<Magnitude, LowRankScore<DynamicRank>, RowColumnScore>, LowRank<DynamicRank>,
                 TopK, ConstantSchedule, StraightThrough, TrainedBias, typename T::backend>;

/// A layer whose scores are set from outside, exactly, through its parameter "score.S".
template <class T, class Selector>
using ScoredLayer = SparseLinear<typename T::scalar, Movement, Frozen, Selector, ConstantSchedule, ReferenceGradient,
                                 FrozenBias, typename T::backend>;

/// The parameter called `name` behind the name of its layer; its views are empty when there is none.
template <class Layer>
[[nodiscard]] Parameter<typename Layer::scalar> parameter_of(Layer& layer, std::string_view name) {
  Parameter<typename Layer::scalar> found;
  layer.for_each_parameter([&](const auto& p) {
    if (detail::name_in_layer(layer.options().name, p.name) == name) found = p;
  });
  return found;
}
template <class T, class U>
void assign(MatrixView<T> to, const HostMatrix<U>& from) {
  REQUIRE(to.rows == from.rows());
  REQUIRE(to.cols == from.cols());
  for (index_t r = 0; r < to.rows; ++r)
    for (index_t c = 0; c < to.cols; ++c) to(r, c) = static_cast<T>(from(r, c));
}
template <class T>
[[nodiscard]] HostMatrix<std::remove_const_t<T>> copy_of(MatrixView<T> view) {
  HostMatrix<std::remove_const_t<T>> out(view.rows, view.cols);
  for (index_t r = 0; r < view.rows; ++r)
    for (index_t c = 0; c < view.cols; ++c) out(r, c) = view(r, c);
  return out;
}
/// The mask as one int per weight; fails the test when a bit beyond the columns is set.
[[nodiscard]] inline oracle::Mask unpacked(MaskView<const mask_word> mask) {
  oracle::Mask out;
  bool bits_beyond = false;
  for (index_t r = 0; r < mask.rows; ++r) {
    for (index_t c = 0; c < mask.cols; ++c) out.push_back(mask(r, c) ? 1 : 0);
    for (index_t c = mask.cols; c < mask.words_per_row * mask.bits; ++c) bits_beyond = bits_beyond || mask(r, c);
  }
  REQUIRE_FALSE(bits_beyond);
  return out;
}
/// The mask that `Selector` makes of given scores. The weight is 1 everywhere.
template <class T, class Selector, class U>
[[nodiscard]] oracle::Mask selected(const HostMatrix<U>& scores, double sparsity, Selector selector = {}) {
  using Scalar = typename T::scalar;
  HostMatrix<Scalar> weight(scores.rows(), scores.cols(), 3);
  weight.fill(1);
  ScoredLayer<T, Selector> layer{{.in = scores.cols(), .out = scores.rows()},
                                 {.selector = selector, .schedule = {.sparsity = sparsity}}};
  layer.attach(weight.view());
  assign(parameter_of(layer, "score.S").value, scores);
  layer.begin_step(0, 1);
  return unpacked(layer.mask());
}
[[nodiscard]] inline index_t kept_in(const oracle::Mask& mask) {
  return std::accumulate(mask.begin(), mask.end(), index_t{0});
}

/// Scores that are hard to rank: many equal, both zeros, denormals, and the ends of the range.
template <class Scalar>
[[nodiscard]] HostMatrix<Scalar> hard_scores(index_t rows, index_t cols, std::uint64_t seed) {
  using Limits = std::numeric_limits<Scalar>;
  const Scalar values[] = {0,
                           -Scalar{0},
                           Limits::denorm_min(),
                           -Limits::denorm_min(),
                           Limits::min(),
                           -Limits::min(),
                           1,
                           1 + Limits::epsilon(),
                           -1,
                           Limits::max(),
                           Limits::lowest()};
  Draw draw{seed};
  HostMatrix<Scalar> out(rows, cols);
  for (index_t r = 0; r < rows; ++r)
    for (index_t c = 0; c < cols; ++c) out(r, c) = values[draw.between(0, std::ssize(values) - 1)];
  return out;
}

}  // namespace pst::test
