// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <thrust/tuple.h>

#include <cstddef>
#include <utility>

#include "pst/core/order_key.hpp"
#include "pst/core/view.hpp"

// What the dense verbs do at one position. A position sums on its own, in double and in index order, so results do
// not depend on how a system shares out the positions.
namespace pst::PST_ABI::on_thrust {

/// f(row, column) of the i-th position in row-major order.
template <class F>
struct AtPosition {
  index_t cols;
  F f;
  PST_HD auto operator()(index_t i) const { return f(i / cols, i % cols); }
};

template <class T, class Space>
struct SetTo {
  MatrixView<T, Space> out;
  T value;
  PST_HD void operator()(index_t r, index_t c) const { out(r, c) = value; }
};

template <class T, class Space, class F>
struct Generate {
  MatrixView<T, Space> out;
  F f;
  PST_HD void operator()(index_t r, index_t c) const { out(r, c) = static_cast<T>(f(r, c)); }
};

template <class T, class Space, class F, class... In>
struct Map {
  MatrixView<T, Space> out;
  F f;
  thrust::tuple<In...> in;

  PST_HD void operator()(index_t r, index_t c) const { apply(r, c, std::index_sequence_for<In...>{}); }

 private:
  template <std::size_t... I>
  PST_HD void apply(index_t r, index_t c, std::index_sequence<I...>) const {
    out(r, c) = static_cast<T>(f(thrust::get<I>(in)(r, c)...));
  }
};

/// One level of the Walsh-Hadamard transform: pair c of a row.
template <class T, class Space>
struct Butterfly {
  MatrixView<T, Space> out;
  index_t h;
  PST_HD void operator()(index_t r, index_t c) const {
    const index_t i = c / h * 2 * h + c % h;
    const T a = out(r, i), b = out(r, i + h);
    out(r, i) = a + b, out(r, i + h) = a - b;
  }
};

/// A matrix operand, or its transpose.
template <class T>
struct Operand {
  const T* data;
  index_t row_stride;
  index_t col_stride;

  PST_HD T operator()(index_t r, index_t c) const { return data[r * row_stride + c * col_stride]; }
};

/// out(r, c) += alpha sum over k of a(r, k) b(k, c)
template <class T, class Space>
struct AddProduct {
  double alpha;
  Operand<T> a, b;
  index_t depth;
  MatrixView<T, Space> out;

  PST_HD void operator()(index_t r, index_t c) const {
    double sum = 0;
    for (index_t k = 0; k < depth; ++k) sum += double{a(r, k)} * double{b(k, c)};
    out(r, c) = static_cast<T>(double{out(r, c)} + alpha * sum);
  }
};

/// out(r, c) += alpha times the sum of `count` elements of `in`, from (r, c) on and `distance` apart.
template <class T, class Space>
struct AddSum {
  double alpha;
  MatrixView<const T, Space> in;
  index_t count, distance;
  MatrixView<T, Space> out;

  PST_HD void operator()(index_t r, index_t c) const {
    double sum = 0;
    for (index_t k = 0; k < count; ++k) sum += double{in.data[r * in.row_stride + c + k * distance]};
    out(r, c) = static_cast<T>(double{out(r, c)} + alpha * sum);
  }
};

/// out(0, c) += alpha sum over r of in(r, c)^2
template <class T, class Space>
struct AddColumnSquares {
  double alpha;
  MatrixView<const T, Space> in;
  MatrixView<T, Space> out;

  PST_HD void operator()(index_t r, index_t c) const {
    double sum = 0;
    for (index_t k = 0; k < in.rows; ++k) sum += double{in(k, c)} * double{in(k, c)};
    out(r, c) = static_cast<T>(double{out(r, c)} + alpha * sum);
  }
};

template <class T, class Space>
struct AddOuterSum {
  T scale;
  MatrixView<const T, Space> column, row;
  MatrixView<T, Space> out;
  PST_HD void operator()(index_t r, index_t c) const { out(r, c) += scale * (column(r, 0) + row(0, c)); }
};

/// out(r, c) = the sum of the terms, from the first to the last.
template <class T, class Space, class... Terms>
struct SumTerms {
  MatrixView<T, Space> out;
  thrust::tuple<Terms...> terms;

  PST_HD void operator()(index_t r, index_t c) const { apply(r, c, std::index_sequence_for<Terms...>{}); }

 private:
  template <std::size_t... I>
  PST_HD void apply(index_t r, index_t c, std::index_sequence<I...>) const {
    T sum{0};
    ((sum = static_cast<T>(double{sum} + double{thrust::get<I>(terms)(r, c)})), ...);
    out(r, c) = sum;
  }
};

template <class T, class Space>
struct AddSlices {
  MatrixView<const T, Space> slices;
  MatrixView<T, Space> out;
  PST_HD void operator()(index_t r, index_t c) const {
    for (index_t s = r; s < slices.rows; s += out.rows) out(r, c) += slices(s, c);
  }
};

template <class T, class Space>
struct IsNotFinite {
  MatrixView<T, Space> in;
  PST_HD bool operator()(index_t r, index_t c) const { return !is_finite(in(r, c)); }
};

template <class T, class Space>
struct Square {
  MatrixView<T, Space> in;
  PST_HD double operator()(index_t r, index_t c) const { return double{in(r, c)} * double{in(r, c)}; }
};

}  // namespace pst::PST_ABI::on_thrust
