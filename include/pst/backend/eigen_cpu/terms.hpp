// SPDX-License-Identifier: Apache-2.0
#pragma once

// Sums of terms in one sweep: W~ = W0 + U V and S = abs(W~) + A B + R 1^T + 1 C^T.
// Work: 2 flops for each weight and rank, and some for the other terms; each view read once and the sum written once.
// Bound by arithmetic for a rank of 8 while tiles are in L2, by reading W0 from memory where it is not.

#include <Eigen/Core>
#include <algorithm>

#include "pst/backend/eigen_cpu/gemm.hpp"
#include "pst/core/terms.hpp"

namespace pst::PST_ABI::PST_ISA::eigen_cpu {

/// A product of this many ranks keeps its rows in registers.
inline constexpr index_t swept_ranks = 8;
template <class T>
struct SweptProduct {
  T scale;
  MatrixView<const T> left, right;
};

/// What is left of a term for some columns from c on: `of(term, c)` is a function of the row. What it needs of the
/// columns is loaded once for all rows.
template <int width, class T>
struct Strip {
  using Lanes = Eigen::Array<T, width, 1>;
  using In = Eigen::Map<const Lanes>;
  using View = MatrixView<const T>;

  struct OfSwept {
    View left;
    Lanes right[swept_ranks];
    Lanes operator()(index_t r) const {
      const T* const l = left.row(r);
      Lanes sum = l[0] * right[0];
      for (index_t k = 1; k < swept_ranks; ++k) sum += l[k] * right[k];
      return sum;
    }
  };
  struct OfProduct {
    View left, right;  // the strip's columns alone
    T scale;
    Lanes packed[swept_ranks];
    Lanes operator()(index_t r) const {
      const T* const l = left.row(r);
      Lanes sum = Lanes::Zero();
      for (index_t k = 0; k < std::min(left.cols, swept_ranks); ++k) sum += l[k] * packed[k];
      for (index_t k = swept_ranks; k < left.cols; ++k) sum += l[k] * In(right.row(k));
      return scale * sum;
    }
  };

  template <class F>
  [[nodiscard]] static auto of(const F& term, index_t c) {
    return [&term, c](index_t r) {
      Lanes out;
      for (int i = 0; i < width; ++i) out[i] = static_cast<T>(term(r, c + i));
      return out;
    };
  }
  [[nodiscard]] static auto of(const MatrixView<T>& view, index_t c) { return of(View{view}, c); }
  [[nodiscard]] static auto of(const View& view, index_t c) {
    constexpr index_t ahead = 256 / sizeof(T);  // hardware prefetching stops at the end of a row
    return [view, c](index_t r) -> Lanes {
      __builtin_prefetch(view.row(r) + c + ahead);
      return In(view.row(r) + c);
    };
  }
  [[nodiscard]] static auto of(const SweptProduct<T>& term, index_t c) {
    OfSwept out;
    out.left = term.left;
    for (index_t k = 0; k < swept_ranks; ++k) out.right[k] = term.scale * In(term.right.row(k) + c);
    return out;
  }
  [[nodiscard]] static auto of(const terms::Product<View>& term, index_t c) {
    OfProduct out;
    out.left = term.left;
    out.right = term.right.middle_cols(c, width);
    out.scale = static_cast<T>(term.scale);
    for (index_t k = 0; k < std::min(term.left.cols, swept_ranks); ++k) out.packed[k] = In(out.right.row(k));
    return out;
  }
  [[nodiscard]] static auto of(const terms::OuterSum<View>& term, index_t c) {
    const Lanes row = In(term.row.data + c);
    return [row, column = term.column, scale = static_cast<T>(term.scale)](index_t r) -> Lanes {
      return scale * (column(r, 0) + row);
    };
  }
  template <class Term>
  [[nodiscard]] static auto of(const terms::Absolute<Term>& term, index_t c) {
    return [in = of(term.in, c)](index_t r) -> Lanes { return in(r).abs(); };
  }
  template <class First, class Second>
  [[nodiscard]] static auto of(const terms::SignedAs<First, Second>& term, index_t c) {
    return [in = of(term.in, c), sign = of(term.of, c)](index_t r) -> Lanes {
      const Lanes value = in(r), like = sign(r);
      return (like > T{0}).select(value, (like < T{0}).select(-value, Lanes::Zero()));
    };
  }
  template <class Term>
  [[nodiscard]] static auto of(const terms::Scaled<Term, View>& term, index_t c) {
    const Lanes row = In(term.row.data + c);
    return
        [in = of(term.in, c), row, column = term.column](index_t r) -> Lanes { return in(r) * (row * column(r, 0)); };
  }
  template <class First, class Second>
  [[nodiscard]] static auto of(const terms::Plus<T, First, Second>& term, index_t c) {
    return
        [first = of(term.first, c), second = of(term.second, c)](index_t r) -> Lanes { return first(r) + second(r); };
  }
};

/// Some columns of a sum.
template <int width, class T, class... Strips>
void sum_strips(MatrixView<T> out, index_t c, const Strips&... strips) {
  using Out = Eigen::Map<typename Strip<width, T>::Lanes>;
  for (index_t r = 0; r < out.rows; ++r) Out(out.row(r) + c) = (strips(r) + ...);
}
/// out = the sum of the terms. Not inlined: wherever a sum is computed again, it has the same bits.
template <class T, class... Terms>
[[gnu::noinline]] void sum_terms(MatrixView<T> out, const Terms&... terms) {
  constexpr int width = RegisterTile<T>::packet;
  index_t c = 0;
  for (; c + width <= out.cols; c += width) sum_strips<width>(out, c, Strip<width, T>::of(terms, c)...);
  for (; c < out.cols; ++c) sum_strips<1>(out, c, Strip<1, T>::of(terms, c)...);
}

/// Replaces the products of eight ranks in terms: `in(term, f)` calls `f` with what a term becomes.
template <class T>
struct Sweep {
  using View = MatrixView<const T>;

  template <class Term, class F>
  static void in(const Term& term, F&& f) {
    f(term);
  }
  template <class F>
  static void in(const terms::Product<View>& term, F&& f) {
    if (term.left.cols == swept_ranks)
      f(SweptProduct<T>{static_cast<T>(term.scale), term.left, term.right});
    else
      f(term);
  }
  template <class Term, class F>
  static void in(const terms::Absolute<Term>& term, F&& f) {
    in(term.in, [&]<class Swept>(const Swept& swept) { f(terms::Absolute<Swept>{swept}); });
  }
  template <class Term, class F>
  static void in(const terms::Scaled<Term, View>& term, F&& f) {
    in(term.in, [&]<class Swept>(const Swept& swept) { f(terms::Scaled<Swept, View>{swept, term.column, term.row}); });
  }
  template <class First, class Second, class F>
  static void in(const terms::Plus<T, First, Second>& term, F&& f) {
    in(term.first, [&]<class A>(const A& first) {
      in(term.second, [&]<class B>(const B& second) { f(terms::Plus<T, A, B>{first, second}); });
    });
  }
  /// The same for all terms of a sum.
  template <class F>
  static void in_all(F&& f) {
    f();
  }
  template <class F, class Term, class... Rest>
  static void in_all(F&& f, const Term& term, const Rest&... rest) {
    in(term, [&](const auto& swept) { in_all([&](const auto&... others) { f(swept, others...); }, rest...); });
  }
};

/// The most ranks of a product in a term.
struct MostRanks {
  template <class Term>
  [[nodiscard]] static index_t in(const Term&) noexcept {
    return 0;
  }
  template <class View>
  [[nodiscard]] static index_t in(const terms::Product<View>& term) noexcept {
    return term.left.cols;
  }
  template <class Term>
  [[nodiscard]] static index_t in(const terms::Absolute<Term>& term) noexcept {
    return in(term.in);
  }
  template <class Term, class View>
  [[nodiscard]] static index_t in(const terms::Scaled<Term, View>& term) noexcept {
    return in(term.in);
  }
  template <class T, class First, class Second>
  [[nodiscard]] static index_t in(const terms::Plus<T, First, Second>& term) noexcept {
    return std::max(in(term.first), in(term.second));
  }
};

/// Sums terms one after the other: the way for products of many ranks, which are better multiplied by `gemm`.
template <class T, class B>
struct OneByOne {
  using View = MatrixView<const T>;
  B& on;
  MatrixView<T> out;

  /// out = first + others
  template <class First, class... Others>
  void sum(const First& first, const Others&... others) {
    assign(first);
    (add(others), ...);
  }
  /// out = term
  template <class Term>
  void assign(const Term& term) {
    sum_terms<T>(out, term);
  }
  void assign(const terms::Product<View>& term) {
    on.fill(out, T{0});
    add(term);
  }
  template <class Term>
  void assign(const terms::Absolute<Term>& term) {
    assign(term.in);
    sum_terms<T>(out, terms::Absolute<View>{out});
  }
  template <class Term>
  void assign(const terms::Scaled<Term, View>& term) {
    assign(term.in);
    sum_terms<T>(out, terms::Scaled<View, View>{out, term.column, term.row});
  }
  template <class First, class Second>
  void assign(const terms::Plus<T, First, Second>& term) {
    assign(term.first);
    add(term.second);
  }
  /// out += term
  template <class Term>
  void add(const Term& term) {
    sum_terms<T>(out, View{out}, term);
  }
  void add(const terms::Product<View>& term) { on.gemm(term.scale, term.left, term.right, out); }
};

}  // namespace pst::PST_ABI::PST_ISA::eigen_cpu
