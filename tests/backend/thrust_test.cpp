// SPDX-License-Identifier: Apache-2.0
#include "pst/backend/thrust.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

#include "pst/backend/reference.hpp"
#include "pst/core/functors.hpp"
#include "support/host_mask.hpp"
#include "support/host_matrix.hpp"
#include "support/tolerances.hpp"

namespace pst::test {
namespace {

static_assert(BackendFor<ThrustCpp, float> && BackendFor<ThrustCpp, double>);
static_assert(std::is_same_v<ThrustCpp::space, HostSpace>);

constexpr Shape shapes[] = {{1, 1},   {1, 70},   {70, 1}, {64, 3}, {65, 5}, {33, 17},
                            {130, 9}, {91, 103}, {5, 0},  {0, 5},  {0, 0}};
constexpr index_t gaps[] = {0, 3};

/// Calls `verb` with both backends on copies of `start`; how far the results are apart.
template <class T, class Verb>
[[nodiscard]] double apart(const HostMatrix<T>& start, Verb verb) {
  HostMatrix<T> expected = start, found = start;
  Reference reference;
  ThrustCpp thrust_cpp;
  verb(reference, expected.view());
  verb(thrust_cpp, found.view());
  CHECK(found.gap_is_untouched());
  return distance(found, expected);
}

struct IsPositive {
  MatrixView<const float> of;
  bool operator()(index_t r, index_t c) const { return of(r, c) > 0; }
};
/// Scores of which many are equal, among them both zeros, and the ends of the range.
template <class T>
[[nodiscard]] HostMatrix<T> tied_scores(index_t rows, index_t cols, index_t gap, Draw& draw) {
  using Limits = std::numeric_limits<T>;
  const T values[] = {0,  -T{0},         Limits::denorm_min(), -Limits::denorm_min(), 1, 1 + Limits::epsilon(),
                      -1, Limits::max(), Limits::lowest()};
  HostMatrix<T> out(rows, cols, gap);
  for (index_t r = 0; r < rows; ++r)
    for (index_t c = 0; c < cols; ++c) out(r, c) = values[draw.between(0, std::ssize(values) - 1)];
  return out;
}

struct Position {
  double operator()(index_t r, index_t c) const { return static_cast<double>(100 * r + c) / 3; }
};
struct Blend {
  template <class T>
  T operator()(T a, T b, bool kept) const {
    return kept ? a - b : -a;
  }
};

TEST_CASE_TEMPLATE("on Thrust, elementwise verbs give the same bits as on Reference", T, float, double) {
  Draw draw{11};
  for (const Shape shape : shapes)
    for (const index_t gap : gaps) {
      const index_t rows = shape.out, cols = shape.in;
      CAPTURE(rows);
      CAPTURE(cols);
      CAPTURE(gap);
      const auto out = draw.normal<T>(rows, cols, gap), in = draw.normal<T>(rows, cols, 2 * gap);
      const auto column = draw.normal<T>(rows, 1, gap), row = draw.normal<T>(1, cols, gap);
      const auto slices = draw.normal<T>(3 * rows, cols, gap);
      HostMask mask = random_mask(rows, cols, draw);
      CHECK(apart(out, [&](auto& on, auto to) { on.fill(to, T{7}); }) == 0);
      CHECK(apart(out, [&](auto& on, auto to) { on.generate(to, Position{}); }) == 0);
      CHECK(apart(out, [&](auto& on, auto to) { on.map(to, functors::Identity{}, in.view()); }) == 0);
      CHECK(apart(out, [&](auto& on, auto to) { on.map(to, Blend{}, to, in.view(), mask.view()); }) == 0);
      CHECK(apart(out, [&](auto& on, auto to) { on.copy_in(in.view(), to); }) == 0);
      CHECK(apart(out, [&](auto& on, auto to) { on.copy_out(in.view(), to); }) == 0);
      CHECK(apart(out, [&](auto& on, auto to) { on.add_slices(slices.view(), to); }) == 0);
      CHECK(apart(out, [&](auto& on, auto to) { on.add_outer_sum(0.3, column.view(), row.view(), to); }) <=
            tolerances<T>::value);
    }
}

TEST_CASE_TEMPLATE("on Thrust, the Walsh-Hadamard transform gives the same bits as on Reference", T, float, double) {
  for (index_t cols = 1; cols <= 256; cols *= 2) {
    CAPTURE(cols);
    CHECK(apart(Draw{7}.normal<T>(3, cols, 2), [&](auto& on, auto to) { on.hadamard(to); }) == 0);
  }
}

TEST_CASE_TEMPLATE("on Thrust, products and sums are those of Reference", T, float, double) {
  Draw draw{12};
  constexpr double near = tolerances<T>::value;
  for (const Shape shape : shapes)
    for (const index_t depth : {0, 1, 37})
      for (const index_t gap : gaps) {
        const index_t rows = shape.out, cols = shape.in;
        CAPTURE(rows);
        CAPTURE(cols);
        CAPTURE(depth);
        CAPTURE(gap);
        const auto out = draw.normal<T>(rows, cols, gap);
        const auto a = draw.normal<T>(rows, depth, gap), a_t = draw.normal<T>(depth, rows, gap);
        const auto b = draw.normal<T>(depth, cols, gap), b_t = draw.normal<T>(cols, depth, gap);
        CHECK(apart(out, [&](auto& on, auto to) { on.gemm(-0.7, a.view(), b.view(), to); }) <= near);
        CHECK(apart(out, [&](auto& on, auto to) { on.gemm_nt(1.0, a.view(), b_t.view(), to); }) <= near);
        CHECK(apart(out, [&](auto& on, auto to) { on.gemm_tn(2.5, a_t.view(), b.view(), to); }) <= near);
        const auto column = draw.normal<T>(rows, 1, gap), row = draw.normal<T>(1, cols, gap);
        CHECK(apart(column, [&](auto& on, auto to) { on.row_sums(0.3, out.view(), to); }) <= near);
        CHECK(apart(row, [&](auto& on, auto to) { on.column_sums(-0.3, out.view(), to); }) <= near);
        CHECK(apart(row, [&](auto& on, auto to) { on.column_squares(0.3, out.view(), to); }) <= near);
        const double norm = Reference{}.squared_norm(out.view());
        CHECK(std::abs(ThrustCpp{}.squared_norm(out.view()) - norm) <= near * (1 + norm));
      }
}

TEST_CASE_TEMPLATE("on Thrust, one NaN or Inf anywhere is found", T, float, double) {
  ThrustCpp on;
  HostMatrix<T> numbers(9, 13, 3);  // the gap holds NaN, which must not count
  CHECK(on.all_finite(numbers.view()));
  CHECK(on.all_finite(MatrixView<T>{}));
  for (const T bad : {std::numeric_limits<T>::quiet_NaN(), -std::numeric_limits<T>::infinity()})
    for (const auto [c, r] : {Shape{0, 0}, Shape{12, 0}, Shape{5, 4}, Shape{12, 8}}) {
      numbers(r, c) = bad;
      CHECK_FALSE(on.all_finite(numbers.view()));
      numbers(r, c) = std::numeric_limits<T>::max();
      CHECK(on.all_finite(numbers.view()));
    }
}

TEST_CASE_TEMPLATE("on Thrust, histograms of every digit are those of Reference, added to what was counted", T, float,
                   double) {
  using Select = RadixSelect<OrderKey<T>>;
  Draw draw{13};
  for (const Shape shape : shapes)
    for (const bool tied : {false, true}) {
      const index_t rows = shape.out, cols = shape.in;
      CAPTURE(rows);
      CAPTURE(cols);
      CAPTURE(tied);
      const auto scores = tied ? tied_scores<T>(rows, cols, 3, draw) : draw.normal<T>(rows, cols, 3);
      HostMatrix<std::int64_t> expected(1, Select::Digit::bins), found(1, Select::Digit::bins);
      Select select;
      select.begin((scores.view().size() + 1) / 2);
      while (select.searching()) {
        found.fill(5), expected.fill(5);
        Reference{}.histogram(scores.view(), select.digit(), expected.view());
        ThrustCpp{}.histogram(scores.view(), select.digit(), found.view());
        CHECK(distance(found, expected) == 0);
        for (index_t bin = 0; bin < expected.cols(); ++bin) expected(0, bin) -= 5;
        select.choose({expected.view().data, static_cast<std::size_t>(expected.cols())});
      }
    }
}

TEST_CASE_TEMPLATE("on Thrust, the lowest scores are pruned as on Reference, ties in row-major order", T, float,
                   double) {
  Draw draw{14};
  for (const Shape shape : shapes)
    for (const bool tied : {false, true}) {
      const index_t rows = shape.out, cols = shape.in;
      const auto scores = tied ? tied_scores<T>(rows, cols, 3, draw) : draw.normal<T>(rows, cols, 3);
      HostMask expected(rows, cols), found(rows, cols);
      for (const index_t ties : {index_t{0}, index_t{1}, index_t{7}, rows * cols})
        for (const index_t place : {index_t{0}, rows * cols / 2, rows * cols - 1}) {
          CAPTURE(rows);
          CAPTURE(cols);
          CAPTURE(tied);
          CAPTURE(ties);
          CAPTURE(place);
          const auto key = rows * cols == 0 ? OrderKey<T>{} : order_key(scores(place / cols, place % cols));
          const index_t pruned = Reference{}.prune_lowest(scores.view(), key, ties, expected.view());
          CHECK(ThrustCpp{}.prune_lowest(scores.view(), key, ties, found.view()) == pruned);
          CHECK(found == expected);
        }
      for (const index_t count : {index_t{0}, cols / 3, cols - 1, cols}) {
        CAPTURE(rows);
        CAPTURE(cols);
        CAPTURE(tied);
        CAPTURE(count);
        Reference{}.prune_lowest_per_row(scores.view(), count, expected.view());
        ThrustCpp{}.prune_lowest_per_row(scores.view(), count, found.view());
        CHECK(found == expected);
      }
    }
}

TEST_CASE("on Thrust, masks are filled and replaced as on Reference") {
  Draw draw{15};
  for (const Shape shape : shapes) {
    const index_t rows = shape.out, cols = shape.in;
    CAPTURE(rows);
    CAPTURE(cols);
    const HostMatrix<float> numbers = draw.normal<float>(rows, cols);
    HostMask filled(rows, cols), expected(rows, cols);
    Reference{}.fill_mask(expected.view(), IsPositive{numbers.view()});
    ThrustCpp{}.fill_mask(filled.view(), IsPositive{numbers.view()});
    CHECK(filled == expected);

    HostMask next = random_mask(rows, cols, draw), replaced = filled;
    const MaskChange change = Reference{}.replace_mask(next.view(), expected.view());
    const MaskChange found = ThrustCpp{}.replace_mask(next.view(), replaced.view());
    CHECK(found.dropped == change.dropped);
    CHECK(found.regrown == change.regrown);
    CHECK(replaced == next);
  }
}

TEST_CASE("a buffer on Thrust is zero at first, and keeps its memory when it is moved") {
  ThrustCpp::buffer<float> buffer(5);
  REQUIRE(buffer.size() == 5);
  CHECK(std::count(buffer.data(), buffer.data() + 5, 0.0F) == 5);
  const float* const memory = buffer.data();
  const ThrustCpp::buffer<float> moved = std::move(buffer);
  CHECK(moved.data() == memory);
  CHECK(ThrustCpp::buffer<float>{}.size() == 0);
}

TEST_CASE("on Thrust, rows are one part, cut into blocks at multiples of the selector's rows") {
  const WorkPlan whole = ThrustCpp{}.plan({.in = 768, .out = 3072}, 1);
  CHECK(whole.parts() == 1);
  CHECK(whole.rows_per_block == 3072);
  CHECK(ThrustCpp{}.plan({.in = 4096, .out = 16384}, 1).rows_per_block == 1024);
  CHECK(ThrustCpp{}.plan({.in = 4096, .out = 16384}, 3).rows_per_block == 1026);
  CHECK(ThrustCpp{.block_elements = 10}.plan({.in = 4096, .out = 8}, 3).rows_per_block == 3);
}

}  // namespace
}  // namespace pst::test
