// SPDX-License-Identifier: Apache-2.0
#include "pst/core/terms.hpp"

#include <doctest/doctest.h>

#include <tuple>

#include "support/host_matrix.hpp"
#include "support/test_types.hpp"
#include "support/tolerances.hpp"

namespace pst::test {
namespace {

using View = MatrixView<const float>;

TEST_CASE("a term is what it says, element by element") {
  const float left[] = {1, 2, 3, 4}, right[] = {1, 0, -1, 2, 1, 0}, column[] = {1, -3}, row[] = {0.5F, 2, 4};
  const terms::Product<View> product{2.0, {left, 2, 2}, {right, 2, 3}};
  CHECK(product(0, 0) == 10);
  CHECK(product(1, 2) == -6);
  const terms::OuterSum<View> outer{0.5, {column, 2, 1}, {row, 1, 3}};
  CHECK(outer(0, 1) == 1.5F);
  CHECK(outer(1, 2) == 0.5F);
  const terms::Plus<float, View, terms::Product<View>> sum{{right, 2, 3}, product};
  CHECK(sum(1, 2) == -6);
  CHECK(terms::Absolute<decltype(sum)>{sum}(1, 2) == 6);
  CHECK(terms::Absolute<View>{{right, 2, 3}}(0, 2) == 1);
  const terms::SignedAs<View, View> signed_as{{left, 1, 3}, {right, 1, 3}};
  CHECK(signed_as(0, 0) == 1);
  CHECK(signed_as(0, 1) == 0);
  CHECK(signed_as(0, 2) == -3);
  CHECK(terms::Scaled<View, View>{{right, 2, 3}, {column, 2, 1}, {row, 1, 3}}(1, 1) == -6);
}
TEST_CASE("a sum shows a NaN of what its absolute value is of") {
  CHECK(terms::show_non_finite<std::tuple<terms::Product<View>, terms::Absolute<View>>>);
  CHECK(terms::show_non_finite<std::tuple<terms::Scaled<terms::Absolute<View>, View>>>);
  CHECK_FALSE(terms::show_non_finite<std::tuple<terms::Scaled<View, View>>>);
  CHECK_FALSE(terms::show_non_finite<std::tuple<terms::Product<View>, View>>);
  CHECK_FALSE(terms::show_non_finite<std::tuple<>>);
}

struct Position {
  double operator()(index_t r, index_t c) const { return static_cast<double>(10 * r + c) / 7; }
};

TEST_CASE_TEMPLATE("terms are added up where they are read, at every size, stride and rank", T, ReferenceFloat,
                   ReferenceDouble, EigenFloat, EigenDouble) {
  using Scalar = typename T::scalar;
  using In = MatrixView<const Scalar>;
  typename T::backend on;
  Draw draw{1};
  for (Shape shape : {Shape{1, 1}, Shape{7, 5}, Shape{8, 3}, Shape{16, 9}, Shape{33, 13}, Shape{130, 4}})
    for (index_t rank : {0, 1, 7, 8, 9, 16, 32, 33, 70}) {
      CAPTURE(shape.in);
      CAPTURE(shape.out);
      CAPTURE(rank);
      const auto [in, out] = shape;
      const auto base = draw.normal<Scalar>(out, in, 3), left = draw.normal<Scalar>(out, rank, 1),
                 right = draw.normal<Scalar>(rank, in, 2), other_left = draw.normal<Scalar>(out, 8),
                 other_right = draw.normal<Scalar>(8, in, 5), column = draw.normal<Scalar>(out, 1, 2),
                 row = draw.normal<Scalar>(1, in);
      const terms::Product<In> product{-0.5, left.view(), right.view()},
          other{1.0, other_left.view(), other_right.view()};
      const terms::OuterSum<In> outer{2.0, column.view(), row.view()};
      const terms::Plus<Scalar, In, terms::Product<In>> weight{base.view(), product};
      const auto in_double = [](const HostMatrix<Scalar>& l, const HostMatrix<Scalar>& f, index_t r, index_t c) {
        double sum = 0;
        for (index_t k = 0; k < l.cols(); ++k) sum += double{l(r, k)} * double{f(k, c)};
        return sum;
      };
      HostMatrix<double> truth(out, in), weight_truth(out, in);
      for (index_t r = 0; r < out; ++r)
        for (index_t c = 0; c < in; ++c) {
          weight_truth(r, c) = double{base(r, c)} - 0.5 * in_double(left, right, r, c);
          truth(r, c) = std::abs(weight_truth(r, c)) + in_double(other_left, other_right, r, c) +
                        2 * (double{column(r, 0)} + double{row(0, c)}) + Position{}(r, c);
        }
      HostMatrix<Scalar> found(out, in, 4);
      found.fill(99);
      on.sum_terms(found.view(), weight);
      CHECK(distance(found, weight_truth) <= tolerances<Scalar>::value);
      on.sum_terms(found.view(), terms::Absolute<decltype(weight)>{weight}, other, outer, Position{});
      CHECK(distance(found, truth) <= tolerances<Scalar>::value);
      CHECK(found.gap_is_untouched());

      on.sum_terms(found.view(), In{base.view()}, product);
      CHECK(distance(found, weight_truth) <= tolerances<Scalar>::value);
      on.sum_terms(found.view(), terms::Absolute<In>{found.view()});  // in place
      terms::add_to(on, found.view(), std::tuple{outer, other});
      terms::add_to(on, found.view(), std::tuple{Position{}});
      CHECK(distance(found, truth) <= tolerances<Scalar>::value);
      CHECK(found.gap_is_untouched());

      for (index_t r = 0; r < out; ++r)
        for (index_t c = 0; c < in; ++c) {
          const double factor = double{column(r, 0)} * double{row(0, c)}, sign = base(r, c) > 0 ? 1.0 : -1.0;
          truth(r, c) = std::abs(weight_truth(r, c)) * factor + sign * double{row(0, c)} * factor;
        }
      const In rows_of_row{row.view().data, out, in, 0};
      on.sum_terms(found.view(),
                   terms::Scaled<terms::Absolute<decltype(weight)>, In>{{weight}, column.view(), row.view()},
                   terms::Scaled<terms::SignedAs<In, In>, In>{{rows_of_row, base.view()}, column.view(), row.view()});
      CHECK(distance(found, truth) <= tolerances<Scalar>::value);
      CHECK(found.gap_is_untouched());
    }
}

}  // namespace
}  // namespace pst::test
