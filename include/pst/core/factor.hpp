// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "pst/core/function_ref.hpp"
#include "pst/core/matrix.hpp"
#include "pst/core/parameter.hpp"
#include "pst/core/work_plan.hpp"

namespace pst::PST_ABI {

/// A matrix that trains and its gradient, in memory that the layer binds: a run of its own, or of the engine.
template <class B, class Scalar>
class TrainedMatrix {
 public:
  /// `in_place`: its values are those of a matrix that is attached to the layer.
  TrainedMatrix(std::string_view name, ParameterGroup group, index_t rows, index_t cols, bool in_place = false)
      : name_{name}, group_{group}, rows_{rows}, cols_{cols}, in_place_{in_place} {}

  [[nodiscard]] std::string_view name() const noexcept { return name_; }
  [[nodiscard]] ParameterGroup group() const noexcept { return group_; }
  [[nodiscard]] index_t rows() const noexcept { return rows_; }
  [[nodiscard]] index_t cols() const noexcept { return cols_; }
  [[nodiscard]] bool in_place() const noexcept { return in_place_; }

  void bind_value(ViewOn<B, Scalar> value) noexcept { value_ = value; }
  void bind_grad(ViewOn<B, Scalar> grad) noexcept { grad_ = grad; }
  [[nodiscard]] ViewOn<B, Scalar> value() const noexcept { return value_; }
  [[nodiscard]] ViewOn<B, Scalar> grad() const noexcept { return grad_; }

 private:
  std::string_view name_;
  ParameterGroup group_;
  index_t rows_, cols_;
  bool in_place_;
  ViewOn<B, Scalar> value_{}, grad_{};
};

/// What is called with each trained matrix of a layer.
template <class B, class Scalar>
using VisitMatrix = FunctionRef<void(TrainedMatrix<B, Scalar>& matrix)>;

/// A trained matrix with one row per output (U, A, R): a part of the plan owns its rows' gradient alone.
template <class B, class Scalar>
class RowFactor : public TrainedMatrix<B, Scalar> {
 public:
  RowFactor(const LayerLayout& layout, index_t cols, std::string_view name, ParameterGroup group)
      : TrainedMatrix<B, Scalar>(name, group, layout.shape.out, cols) {}

  using TrainedMatrix<B, Scalar>::value;
  using TrainedMatrix<B, Scalar>::grad;
  [[nodiscard]] ViewOn<B, const Scalar> value(Tile tile) const { return tile.rows_of(value()); }
  /// The gradient of a tile's rows.
  [[nodiscard]] ViewOn<B, Scalar> grad(Tile tile) const { return tile.rows_of(grad()); }
};

/// A trained matrix with one column per input (V, B, C): every tile adds to its gradient.
///
/// Each part of the plan adds to a slice of its own, and `finish_backward` adds the slices in order: the sum has the
/// same bits for any number of threads.
template <class B, class Scalar>
class ColumnFactor : public TrainedMatrix<B, Scalar> {
 public:
  ColumnFactor(const LayerLayout& layout, index_t rows, std::string_view name, ParameterGroup group)
      : TrainedMatrix<B, Scalar>(name, group, rows, layout.shape.in),
        slices_(layout.plan.parts() * rows, layout.shape.in) {}

  using TrainedMatrix<B, Scalar>::value;
  using TrainedMatrix<B, Scalar>::grad;
  [[nodiscard]] ViewOn<B, const Scalar> value(Tile tile) const { return tile.cols_of(value()); }
  /// Where a tile adds its share of the gradient.
  [[nodiscard]] ViewOn<B, Scalar> grad_share(Tile tile) {
    return tile.cols_of(slices_.view().middle_rows(tile.part * this->rows(), this->rows()));
  }
  /// Adds all shares to the gradient; shares are zero again.
  void finish_backward(B& on) {
    on.add_slices(slices_.view(), grad());
    on.fill(slices_.view(), Scalar{0});
  }
  /// Of the shares.
  [[nodiscard]] std::size_t bytes() const noexcept { return slices_.bytes(); }

 private:
  Matrix<B, Scalar> slices_;
};

}  // namespace pst::PST_ABI
