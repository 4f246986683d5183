// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "pst/core/matrix.hpp"
#include "pst/core/parameter.hpp"
#include "pst/core/row_plan.hpp"

namespace pst {

/// A trained matrix with one row per output (U, A, R): blocks of rows own their gradient alone.
template <class B, class Scalar>
class RowFactor {
 public:
  RowFactor(const LayerLayout& layout, index_t cols) : value_(layout.shape.out, cols), grad_(layout.shape.out, cols) {}

  [[nodiscard]] ViewOn<B, Scalar> value() { return value_.view(); }
  [[nodiscard]] ViewOn<B, const Scalar> value(RowBlock rows) const {
    return value_.view().middle_rows(rows.first, rows.count);
  }
  /// The gradient of a block's rows.
  [[nodiscard]] ViewOn<B, Scalar> grad(RowBlock rows) { return grad_.view().middle_rows(rows.first, rows.count); }
  void begin_step(B& on) { on.fill(grad_.view(), Scalar{0}); }
  [[nodiscard]] Parameter<Scalar, typename B::space> parameter(std::string_view name, ParameterGroup group) {
    return {name, group, value_.view(), grad_.view()};
  }
  [[nodiscard]] std::size_t bytes() const noexcept { return value_.bytes() + grad_.bytes(); }

 private:
  Matrix<B, Scalar> value_, grad_;
};

/// A trained matrix with one column per input (V, B, C): every block of rows adds to its gradient.
///
/// Each part of the plan adds to a slice of its own, and `finish_backward` adds the slices in order: the sum has the
/// same bits for any number of threads.
template <class B, class Scalar>
class ColumnFactor {
 public:
  ColumnFactor(const LayerLayout& layout, index_t rows)
      : value_(rows, layout.shape.in),
        grad_(rows, layout.shape.in),
        slices_(layout.plan.parts() * rows, layout.shape.in),
        rows_{rows} {}

  [[nodiscard]] ViewOn<B, Scalar> value() { return value_.view(); }
  [[nodiscard]] ViewOn<B, const Scalar> value() const { return value_.view(); }
  /// Where a block adds its share of the gradient.
  [[nodiscard]] ViewOn<B, Scalar> grad_share(RowBlock rows) {
    return slices_.view().middle_rows(rows.part * rows_, rows_);
  }
  void begin_step(B& on) {
    on.fill(grad_.view(), Scalar{0});
    on.fill(slices_.view(), Scalar{0});
  }
  void finish_backward(B& on) {
    on.add_slices(slices_.view(), grad_.view());
    on.fill(slices_.view(), Scalar{0});
  }
  [[nodiscard]] Parameter<Scalar, typename B::space> parameter(std::string_view name, ParameterGroup group) {
    return {name, group, value_.view(), grad_.view()};
  }
  [[nodiscard]] std::size_t bytes() const noexcept { return value_.bytes() + grad_.bytes() + slices_.bytes(); }

 private:
  Matrix<B, Scalar> value_, grad_, slices_;
  index_t rows_;
};

}  // namespace pst
