// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tuple>

#include "pst/core/config.hpp"
#include "pst/core/view.hpp"

/// What the verb `sum_terms` adds up: matrices whose elements are computed where they are read. A MatrixView is a term,
/// and so is every function of a row and a column.
namespace pst::PST_ABI::terms {

/// first + second, rounded to T: a sum that is part of another term.
template <class T, class First, class Second>
struct Plus {
  First first;
  Second second;
  [[nodiscard]] PST_HD T operator()(index_t r, index_t c) const {
    return static_cast<T>(double{first(r, c)} + double{second(r, c)});
  }
};

/// abs(in)
template <class In>
struct Absolute {
  In in;
  [[nodiscard]] PST_HD auto operator()(index_t r, index_t c) const {
    const auto value = in(r, c);
    return value < 0 ? -value : value;
  }
};

/// in .* sign(of), and 0 where `of` is 0
template <class In, class Of>
struct SignedAs {
  In in;
  Of of;
  [[nodiscard]] PST_HD auto operator()(index_t r, index_t c) const {
    const auto value = in(r, c);
    const auto sign = of(r, c);
    return sign > 0 ? value : sign < 0 ? -value : decltype(value){0};
  }
};

/// in .* (column row)
template <class In, class View>
struct Scaled {
  In in;
  View column, row;
  [[nodiscard]] PST_HD auto operator()(index_t r, index_t c) const { return in(r, c) * (row(0, c) * column(r, 0)); }
};

/// scale * left right
template <class View>
struct Product {
  double scale;
  View left, right;
  [[nodiscard]] PST_HD double operator()(index_t r, index_t c) const {
    double sum = 0;
    for (index_t k = 0; k < left.cols; ++k) sum += double{left(r, k)} * double{right(k, c)};
    return scale * sum;
  }
};

/// scale * (column 1^T + 1 row)
template <class View>
struct OuterSum {
  double scale;
  View column, row;
  [[nodiscard]] PST_HD auto operator()(index_t r, index_t c) const {
    const auto sum = column(r, 0) + row(0, c);
    return static_cast<decltype(sum)>(scale) * sum;
  }
};

/// out += all terms of a tuple
template <class B, class View, class... Terms>
void add_to(B& on, View out, const std::tuple<Terms...>& terms) {
  std::apply([&](const auto&... term) { on.sum_terms(out, out, term...); }, terms);
}

/// Whether the sum of some terms is NaN or Inf wherever what their `Absolute` is of is NaN or Inf.
template <class Tuple>
inline constexpr bool show_non_finite = false;
template <class... Terms>
inline constexpr bool show_non_finite<std::tuple<Terms...>> = (show_non_finite<Terms> || ...);
template <class In>
inline constexpr bool show_non_finite<Absolute<In>> = true;
template <class In, class View>
inline constexpr bool show_non_finite<Scaled<In, View>> = show_non_finite<In>;

}  // namespace pst::PST_ABI::terms
