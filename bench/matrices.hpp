// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/core/random.hpp>
#include <pst/core/view.hpp>

#include <Eigen/Core>
#include <algorithm>
#include <cstdint>

/// The numbers that benchmarks compute with.
namespace bench {

using EigenMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

[[nodiscard]] inline pst::MatrixView<float> view(EigenMatrix& matrix) {
  return {matrix.data(), matrix.rows(), matrix.cols()};
}
[[nodiscard]] inline pst::MatrixView<const float> view(const EigenMatrix& matrix) {
  return {matrix.data(), matrix.rows(), matrix.cols()};
}

/// A matrix of N(0, deviation^2).
[[nodiscard]] inline EigenMatrix make_normal(pst::index_t rows, pst::index_t cols, std::uint64_t seed,
                                             double deviation = 1) {
  EigenMatrix matrix(rows, cols);
  const pst::NormalAt draw{seed};
  for (pst::index_t i = 0; i < matrix.size(); ++i) matrix.data()[i] = static_cast<float>(deviation * draw(i));
  return matrix;
}

/// Puts small normals into all parameters of a layer that are zero, as they are before the first step. With zeros the
/// mask would be that of the magnitude alone, and products would be easier than they are in training.
template <class Layer>
void leave_zero(Layer& layer) {
  std::uint64_t seed = 100;
  layer.for_each_parameter([&](const auto& parameter) {
    const auto value = parameter.value;
    for (pst::index_t r = 0; r < value.rows; ++r)
      if (std::any_of(value.row(r), value.row(r) + value.cols, [](float one) { return one != 0; })) return;
    const pst::NormalMatrix draw{{++seed}, value.cols};
    for (pst::index_t r = 0; r < value.rows; ++r)
      for (pst::index_t c = 0; c < value.cols; ++c) value(r, c) = static_cast<float>(0.01 * draw(r, c));
  });
}

/// Changes all parameters of a layer a little, as an optimizer would: without that, a refresh finds the mask that it
/// has already. Of a large parameter some numbers change, because the benchmark waits for this outside the clock.
template <class Layer>
void nudge(Layer& layer, std::uint64_t step) {
  constexpr pst::index_t most = 1 << 16;
  layer.for_each_parameter([&](const auto& parameter) {
    const auto value = parameter.value;
    const pst::index_t stride = std::max<pst::index_t>(1, value.size() / most);
    for (pst::index_t i = 0; i < value.size(); i += stride) {
      const std::uint64_t bits = pst::mix_bits((step << 32) ^ static_cast<std::uint64_t>(i));
      const double signed_unit = static_cast<double>(bits >> 11) * 0x1p-52 - 1;
      value(i / value.cols, i % value.cols) += static_cast<float>(2e-4 * signed_unit);
    }
  });
}

}  // namespace bench
