// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "pst/core/matrix.hpp"
#include "pst/core/parameter.hpp"
#include "pst/core/work_plan.hpp"

namespace pst {

/// A trained matrix with one row per output (U, A, R): a part of the plan owns its rows' gradient alone.
template <class B, class Scalar>
class RowFactor {
 public:
  RowFactor(const LayerLayout& layout, index_t cols) : value_(layout.shape.out, cols), grad_(layout.shape.out, cols) {}

  [[nodiscard]] ViewOn<B, Scalar> value() { return value_.view(); }
  [[nodiscard]] ViewOn<B, const Scalar> value(Tile tile) const { return tile.rows_of(value_.view()); }
  /// The gradient of a tile's rows.
  [[nodiscard]] ViewOn<B, Scalar> grad(Tile tile) { return tile.rows_of(grad_.view()); }
  void begin_step(B& on) { on.fill(grad_.view(), Scalar{0}); }
  [[nodiscard]] Parameter<Scalar, typename B::space> parameter(std::string_view name, ParameterGroup group) {
    return {name, group, value_.view(), grad_.view()};
  }
  [[nodiscard]] std::size_t bytes() const noexcept { return value_.bytes() + grad_.bytes(); }

 private:
  Matrix<B, Scalar> value_, grad_;
};

/// A trained matrix with one column per input (V, B, C): every tile adds to its gradient.
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
  [[nodiscard]] ViewOn<B, const Scalar> value(Tile tile) const { return tile.cols_of(value_.view()); }
  /// Where a tile adds its share of the gradient.
  [[nodiscard]] ViewOn<B, Scalar> grad_share(Tile tile) {
    return tile.cols_of(slices_.view().middle_rows(tile.part * rows_, rows_));
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
