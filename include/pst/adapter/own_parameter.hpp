// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <string>
#include <utility>

#include "pst/core/error.hpp"
#include "pst/core/matrix.hpp"
#include "pst/core/parameter.hpp"

namespace pst::PST_ABI {

/// A matrix that trains and its gradient, in memory of its own; zeros at first.
/// @ingroup adapter
template <class B, class Scalar>
class OwnParameter {
 public:
  OwnParameter(std::string name, ParameterGroup group, index_t rows, index_t cols)
      : name_{std::move(name)}, group_{group}, value_(rows, cols), grad_(rows, cols) {}

  [[nodiscard]] ViewOn<B, const Scalar> value() const { return value_.view(); }
  [[nodiscard]] ViewOn<B, Scalar> value() { return value_.view(); }
  [[nodiscard]] ViewOn<B, Scalar> grad() { return grad_.view(); }
  [[nodiscard]] index_t size() const { return value_.view().size(); }
  /// Valid while this stays where it is.
  [[nodiscard]] Parameter<Scalar, typename B::space> parameter() { return {name_, group_, value(), grad()}; }

 private:
  std::string name_;
  ParameterGroup group_;
  Matrix<B, Scalar> value_, grad_;
};

/// Activations that are kept from forward for backward: rows as many as were asked for, the columns stay.
/// @ingroup adapter
template <class B, class Scalar>
class KeptRows {
 public:
  /// Room for `rows` x `cols` numbers; allocates only where there were fewer.
  [[nodiscard]] ViewOn<B, Scalar> of(index_t rows, index_t cols) {
    rows_ = rows;
    const auto has = memory_.view();
    if (has.rows < rows || has.cols != cols) memory_ = Matrix<B, Scalar>(rows, cols);
    return memory_.view().middle_rows(0, rows);
  }

  /// How many were asked for last.
  [[nodiscard]] index_t rows() const noexcept { return rows_; }

 private:
  Matrix<B, Scalar> memory_;
  index_t rows_ = 0;
};

namespace detail {

/// Even numbers from -a to a with a = sqrt(12 / (rows + cols)): Glorot's, with the gain sqrt 2 that the authors of
/// Compacter give factors.
[[nodiscard]] inline double glorot_bound(index_t rows, index_t cols) {
  return std::sqrt(12.0 / static_cast<double>(rows + cols));
}

/// Throws unless views of activations are n x features, with as many rows as x.
template <class X, class... Others>
void check_activations(const char* branch, index_t features, X x, Others... others) {
  const auto check = [&](auto view) {
    require(view.cols == features, "activations have ", view.cols, " columns, the ", branch, " expects ", features);
    require(view.rows == x.rows, "activations have ", view.rows, " rows, the ", branch, " is given an x of ", x.rows);
  };
  check(x);
  (check(others), ...);
}

/// Rows or columns that are worked on at once.
inline constexpr index_t adapter_block = 128;

/// Calls `f(first, count)` for blocks of `count` things, at the same time; the blocks are the same for any number of
/// threads.
template <class B, class F>
void for_each_adapter_block(B& on, index_t count, F&& f) {
  on.for_each_part((count + adapter_block - 1) / adapter_block, [&](index_t part, index_t) {
    const index_t first = part * adapter_block;
    f(first, count - first < adapter_block ? count - first : adapter_block);
  });
}

}  // namespace detail

}  // namespace pst::PST_ABI
