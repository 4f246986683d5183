// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>

#include "pst/backend/reference.hpp"
#include "pst/backend/thrust.hpp"
#include "pst/core/terms.hpp"
#include "support/host_matrix.hpp"
#include "support/tolerances.hpp"

namespace pst::test {
namespace {

constexpr Shape ranking_shapes[] = {{1, 1}, {70, 1}, {64, 3}, {33, 17}, {130, 9}, {5, 0}, {0, 5}};

TEST_CASE_TEMPLATE("on Thrust, scores in a range are collected as on Reference, in any order", T, float, double) {
  using Key = OrderKey<T>;
  Draw draw{1};
  for (const Shape shape : ranking_shapes)
    for (const auto& scores : {draw.normal<T>(shape.out, shape.in, 3), draw.grid<T>(shape.out, shape.in, 2)})
      for (const auto& [first, last] : {std::pair{T{-0.5}, T{0.25}}, {T{0}, T{0}}, {T{-9}, T{9}}, {T{9}, T{10}}})
        for (index_t room : {index_t{3}, shape.size() + 2}) {
          CAPTURE(shape.in);
          CAPTURE(shape.out);
          CAPTURE(room);
          const KeyRange<Key> range{order_key(first), order_key(last)};
          HostMatrix<T> expected(1, room, 2), found(1, room, 2);
          HostMatrix<std::int64_t> expected_counts(1, 2), found_counts(1, 2);
          expected_counts(0, 0) = found_counts(0, 0) = 7, expected_counts(0, 1) = found_counts(0, 1) = 1;
          Reference{}.collect(scores.view(), range, expected.view(), expected_counts.view());
          ThrustCpp{}.collect(scores.view(), range, found.view(), found_counts.view());
          REQUIRE(distance(found_counts, expected_counts) == 0);
          CHECK(found.gap_is_untouched());
          if (expected_counts(0, 1) > room) continue;  // what is found depends on the order
          for (auto* list : {&expected, &found})
            std::sort(list->view().data + 1, list->view().data + expected_counts(0, 1));
          CHECK(distance(found, expected) == 0);
        }
}
TEST_CASE_TEMPLATE("on Thrust, terms are added up as on Reference", T, float, double) {
  using In = MatrixView<const T>;
  Draw draw{2};
  for (const Shape shape : ranking_shapes)
    for (index_t rank : {0, 1, 8, 9}) {
      CAPTURE(shape.in);
      CAPTURE(shape.out);
      CAPTURE(rank);
      const auto [in, out] = shape;
      const auto base = draw.normal<T>(out, in, 3), left = draw.normal<T>(out, rank, 1),
                 right = draw.normal<T>(rank, in, 2), column = draw.normal<T>(out, 1, 2), row = draw.normal<T>(1, in);
      const terms::Product<In> product{-0.5, left.view(), right.view()};
      const terms::OuterSum<In> outer{2.0, column.view(), row.view()};
      const terms::Plus<T, In, terms::Product<In>> weight{base.view(), product};
      HostMatrix<T> expected(out, in, 4), found(out, in, 4);
      const auto sum = [&](auto&& on, MatrixView<T> to) {
        on.sum_terms(to, terms::Absolute<decltype(weight)>{weight}, product, outer);
        terms::add_to(on, to, std::tuple{outer, In{base.view()}});
      };
      sum(Reference{}, expected.view());
      sum(ThrustCpp{}, found.view());
      CHECK(distance(found, expected) == 0);
      CHECK(found.gap_is_untouched());
    }
}

}  // namespace
}  // namespace pst::test
