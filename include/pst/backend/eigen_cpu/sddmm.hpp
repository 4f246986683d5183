// SPDX-License-Identifier: Apache-2.0
#pragma once

// G = dY^T X at the kept weights alone, for a block of tokens whose lanes are given.
// Work: 2 flops for each kept weight and token, one load of a lane for each multiplication, and a sum across lanes for
// each weight and block.
// Bound by loads from L1 and L2 and by the shuffles of these sums.

#include "pst/backend/eigen_cpu/vector.hpp"
#include "pst/core/compressed.hpp"

namespace pst::PST_ABI::PST_ISA::eigen_cpu {

/// The products of the lanes of one row with those of a column, still in as many sums as a vector has lanes.
template <int vectors, class T>
[[nodiscard, gnu::always_inline]] inline typename Register<T>::type lane_products(
    const typename Register<T>::type (&grad)[vectors], const T* lane) {
  using Vector = Register<T>;
  auto sum = grad[0] * Vector::load(lane);
  for (int v = 1; v < vectors; ++v) sum += grad[v] * Vector::load(lane + v * Vector::lanes);
  return sum;
}

/// values[k] += the product of the lanes of row and column of the k-th kept weight, for `count` rows, whose lanes alone
/// are in `grad_lanes`.
template <int tokens, class T>
void sampled_block(CompressedView<T, HostSpace> weight, index_t first, index_t count, const T* grad_lanes,
                   const T* x_lanes, T* values) {
  using Vector = Register<T>;
  constexpr int vectors = tokens / Vector::lanes;
  using Sums = Eigen::Array<T, 8, 1>;
  constexpr std::uint32_t group = 8;
  for (index_t panel = 0; panel < weight.panels(); ++panel) {
    const std::uint32_t* const start = weight.start + panel * weight.rows + first;
    const T* const panel_lanes = x_lanes + panel * weight.panel_cols * tokens;
    const auto lane_of = [&](std::uint32_t k) { return panel_lanes + index_t{weight.column[k]} * tokens; };
    for (index_t r = 0; r < count; ++r) {
      typename Vector::type grad[vectors];
      for (int v = 0; v < vectors; ++v) grad[v] = Vector::load(grad_lanes + r * tokens + v * Vector::lanes);
      std::uint32_t k = start[r];
      typename Vector::type sums[group];
      for (; k + group <= start[r + 1]; k += group) {
        for (std::uint32_t i = 0; i < group; ++i) sums[i] = lane_products<vectors, T>(grad, lane_of(k + i));
        Eigen::Map<Sums>(values + k) += sums_of_eight<T>(sums);
      }
      const std::uint32_t left = start[r + 1] - k;
      if (left == 0) continue;
      for (std::uint32_t i = 0; i < group; ++i)
        sums[i] = i < left ? lane_products<vectors, T>(grad, lane_of(k + i)) : typename Vector::type{};
      const Sums last = sums_of_eight<T>(sums);
      for (std::uint32_t i = 0; i < left; ++i) values[k + i] += last[static_cast<int>(i)];
    }
  }
}

}  // namespace pst::PST_ABI::PST_ISA::eigen_cpu
