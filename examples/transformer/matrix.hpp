// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/core/parameter.hpp>
#include <pst/core/view.hpp>

#include <Eigen/Core>
#include <cmath>
#include <numbers>
#include <random>
#include <string>
#include <utility>

/// A small transformer encoder whose linear layers are pst layers; every part has its backward pass beside it.
namespace transformer {

using pst::index_t;

/// Row-major, as pst views are: one row per token.
template <class Scalar>
using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class Scalar>
using RowVector = Eigen::Matrix<Scalar, 1, Eigen::Dynamic, Eigen::RowMajor>;

template <class Scalar>
[[nodiscard]] pst::MatrixView<Scalar> view(Matrix<Scalar>& matrix) {
  return {matrix.data(), matrix.rows(), matrix.cols()};
}
template <class Scalar>
[[nodiscard]] pst::MatrixView<const Scalar> view(const Matrix<Scalar>& matrix) {
  return {matrix.data(), matrix.rows(), matrix.cols()};
}

/// The matrix behind a view, to compute with.
template <class Scalar>
[[nodiscard]] auto map(pst::MatrixView<Scalar> view) {
  using Plain = Matrix<std::remove_const_t<Scalar>>;
  using Mapped = std::conditional_t<std::is_const_v<Scalar>, const Plain, Plain>;
  return Eigen::Map<Mapped, Eigen::Unaligned, Eigen::OuterStride<>>(view.data, view.rows, view.cols,
                                                                    Eigen::OuterStride<>(view.row_stride));
}

/// Normal numbers of the given deviation; the same numbers with every standard library.
template <class Scalar>
void fill_normal(Matrix<Scalar>& matrix, double deviation, std::mt19937_64& random) {
  const auto uniform = [&] { return (static_cast<double>(random() >> 11U) + 0.5) * 0x1.0p-53; };
  for (index_t i = 0; i < matrix.size(); ++i) {
    const double radius = std::sqrt(-2.0 * std::log(uniform()));
    matrix.data()[i] = static_cast<Scalar>(deviation * radius * std::cos(2.0 * std::numbers::pi * uniform()));
  }
}

/// A dense tensor that trains: its value and the gradient that backward passes add to.
template <class Scalar>
struct Trained {
  std::string name;
  Matrix<Scalar> value;
  Matrix<Scalar> grad;
  pst::ParameterGroup group = pst::ParameterGroup::weight;

  Trained(std::string name_, index_t rows, index_t cols, Scalar fill = 0,
          pst::ParameterGroup group_ = pst::ParameterGroup::weight)
      : name{std::move(name_)},
        value{Matrix<Scalar>::Constant(rows, cols, fill)},
        grad{Matrix<Scalar>::Zero(rows, cols)},
        group{group_} {}

  [[nodiscard]] pst::Parameter<Scalar> parameter() { return {name, group, view(value), view(grad)}; }
};

}  // namespace transformer
