// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "pst/adapter/own_parameter.hpp"
#include "pst/concepts/branch.hpp"
#include "pst/core/error.hpp"
#include "pst/core/functors.hpp"

namespace pst::PST_ABI {

namespace functors {
/// y(r, c) + (scale(0, c) - 1) x(r, c)
template <class Y, class X>
struct PlusRescaled {
  Y y;
  X x, scale;
  PST_HD auto operator()(index_t r, index_t c) const {
    using T = typename Y::value_type;
    return y(r, c) + (scale(0, c) - T{1}) * x(r, c);
  }
};
}  // namespace functors

/// (IA)3 (Liu et al., 2022): x + A(x) = l .* x, so A(x) = (l - 1) .* x, with l one number a feature and one at first:
/// exactly nothing is changed then. It stands behind keys, values and the activation of feed-forward, and merges into
/// their weights: zeros stay zeros.
/// @ingroup adapter
struct Rescale {
  using role = roles::branch;

  template <class B, class Scalar>
  class State;
};

template <class B, class Scalar>
class Rescale::State {
  using ConstView = ViewOn<B, const Scalar>;
  using MutableView = ViewOn<B, Scalar>;

 public:
  struct Tape {
    KeptRows<B, Scalar> product;  ///< scratch, of some rows at a time
  };

  State(const Rescale&, B& on, index_t features, std::string name, std::uint64_t)
      : scale_{name + ".scale", ParameterGroup::delta, 1, features} {
    require(features > 0, "a rescaling of ", features, " features, expected at least 1");
    on.fill(scale_.value(), Scalar{1});
  }

  /// Adds (l - 1) .* x to y; both are n x features. x may be the same matrix as y.
  void forward(B& on, ConstView x, MutableView y, Tape&) {
    check(x, y);
    add(on, x, y);
  }
  /// dl += column sums of grad_y .* x; grad_x += (l - 1) .* grad_y, unless it is empty.
  void backward(B& on, ConstView x, Tape& tape, ConstView grad_y, MutableView grad_x) {
    check(x, grad_y);
    if (grad_x.data != nullptr) check(x, grad_x);
    const index_t strip = std::min(x.rows, detail::adapter_block);
    const MutableView product = tape.product.of(strip, x.cols);
    detail::for_each_adapter_block(on, x.cols, [&](index_t first, index_t count) {
      for (index_t row = 0; row < x.rows; row += strip) {
        const index_t rows = std::min(strip, x.rows - row);
        const MutableView part = product.middle_rows(0, rows).middle_cols(first, count);
        on.map(part, functors::Multiply{}, grad_y.middle_rows(row, rows).middle_cols(first, count),
               x.middle_rows(row, rows).middle_cols(first, count));
        on.column_sums(1.0, ConstView{part}, scale_.grad().middle_cols(first, count));
      }
    });
    if (grad_x.data != nullptr) add(on, grad_y, grad_x);
  }

  void for_each_parameter(auto&& visit) { visit(scale_.parameter()); }
  void zero_gradients(B& on) { on.fill(scale_.grad(), Scalar{0}); }
  [[nodiscard]] index_t parameters() const { return scale_.size(); }
  /// l, to merge it: 1 x features.
  [[nodiscard]] ConstView scale() const { return scale_.value(); }

 private:
  void add(B& on, ConstView x, MutableView y) {
    const ConstView scale = std::as_const(scale_).value();
    detail::for_each_adapter_block(on, x.rows, [&](index_t first, index_t count) {
      const MutableView out = y.middle_rows(first, count);
      on.generate(out, functors::PlusRescaled<MutableView, ConstView>{out, x.middle_rows(first, count), scale});
    });
  }
  void check(ConstView x, ConstView other) const {
    detail::check_activations("rescaling", scale_.value().cols, x, other);
  }

  OwnParameter<B, Scalar> scale_;
};

}  // namespace pst::PST_ABI
