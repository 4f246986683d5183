// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/core/config.hpp"

namespace pst::PST_ABI::functors {

/// H = sum over k of A_k (x) (s_k t_k), by its factors: A_k are rows n k and on of `rule`, s_k rows k in / n and on of
/// `left`, t_k rows k rank and on of `right`. Sums are in double.
template <class View>
struct KroneckerProduct {
  View rule, left, right;
  index_t parts;

  [[nodiscard]] PST_HD index_t in() const { return left.rows / parts; }
  [[nodiscard]] PST_HD index_t out() const { return right.cols; }
  [[nodiscard]] PST_HD index_t rank() const { return left.cols; }
  [[nodiscard]] PST_HD double a(index_t k, index_t row, index_t col) const { return rule(k * parts + row, col); }
  [[nodiscard]] PST_HD double s(index_t k, index_t row, index_t j) const { return left(k * in() + row, j); }
  [[nodiscard]] PST_HD double t(index_t k, index_t j, index_t col) const { return right(k * rank() + j, col); }
  /// An element of s_k t_k.
  [[nodiscard]] PST_HD double st(index_t k, index_t row, index_t col) const {
    double sum = 0;
    for (index_t j = 0; j < rank(); ++j) sum += s(k, row, j) * t(k, j, col);
    return sum;
  }
};

/// The transpose of H, in rows from `first` on.
template <class View>
struct KroneckerWeight {
  KroneckerProduct<View> h;
  index_t first;
  PST_HD double operator()(index_t r, index_t c) const {
    const index_t row = (first + r) / h.out(), q = (first + r) % h.out(), col = c / h.in(), p = c % h.in();
    double sum = 0;
    for (index_t k = 0; k < h.parts; ++k) sum += h.a(k, col, row) * h.st(k, p, q);
    return sum;
  }
};

/// What the gradient G of the transpose of H adds to that of a factor, in rows from `first` on.
template <class View, class Grad>
struct KroneckerGradient {
  KroneckerProduct<View> h;
  View g;
  Grad grad;
  index_t first;

  /// Sum over the blocks of G: of A_k times it, at (p, q) of each block.
  [[nodiscard]] PST_HD double through_rule(index_t k, index_t p, index_t q) const {
    double sum = 0;
    for (index_t row = 0; row < h.parts; ++row)
      for (index_t col = 0; col < h.parts; ++col)
        sum += h.a(k, row, col) * static_cast<double>(g(col * h.out() + q, row * h.in() + p));
    return sum;
  }
};

/// dA_k(row, col) += sum over p, q of G at (p, q) of block (row, col) times (s_k t_k)(p, q)
template <class View, class Grad>
struct KroneckerToRule : KroneckerGradient<View, Grad> {
  PST_HD double operator()(index_t r, index_t col) const {
    const auto& of = this->h;
    const index_t k = (this->first + r) / of.parts, row = (this->first + r) % of.parts;
    double sum = 0;
    for (index_t q = 0; q < of.out(); ++q)
      for (index_t p = 0; p < of.in(); ++p)
        sum += static_cast<double>(this->g(col * of.out() + q, row * of.in() + p)) * of.st(k, p, q);
    return static_cast<double>(this->grad(this->first + r, col)) + sum;
  }
};

/// ds_k += dP_k t_k^T, where dP_k is what the rule lets through.
template <class View, class Grad>
struct KroneckerToLeft : KroneckerGradient<View, Grad> {
  PST_HD double operator()(index_t r, index_t j) const {
    const auto& of = this->h;
    const index_t k = (this->first + r) / of.in(), p = (this->first + r) % of.in();
    double sum = 0;
    for (index_t q = 0; q < of.out(); ++q) sum += this->through_rule(k, p, q) * of.t(k, j, q);
    return static_cast<double>(this->grad(this->first + r, j)) + sum;
  }
};

/// dt_k += s_k^T dP_k
template <class View, class Grad>
struct KroneckerToRight : KroneckerGradient<View, Grad> {
  PST_HD double operator()(index_t r, index_t q) const {
    const auto& of = this->h;
    const index_t k = (this->first + r) / of.rank(), j = (this->first + r) % of.rank();
    double sum = 0;
    for (index_t p = 0; p < of.in(); ++p) sum += of.s(k, p, j) * this->through_rule(k, p, q);
    return static_cast<double>(this->grad(this->first + r, q)) + sum;
  }
};

}  // namespace pst::PST_ABI::functors
