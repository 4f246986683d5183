// SPDX-License-Identifier: Apache-2.0
#include "pst/backend/reference.hpp"

#include <doctest/doctest.h>

#include <array>
#include <bit>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "support/host_matrix.hpp"

namespace pst::test {
namespace {

/// A matrix with the given rows, each 2 longer than it looks.
HostMatrix<float> matrix(const std::vector<std::vector<float>>& rows) {
  HostMatrix<float> out(std::ssize(rows), std::ssize(rows.front()), 2);
  for (std::size_t r = 0; r < rows.size(); ++r)
    for (std::size_t c = 0; c < rows[r].size(); ++c) out(static_cast<index_t>(r), static_cast<index_t>(c)) = rows[r][c];
  return out;
}
std::vector<std::vector<float>> rows_of(const HostMatrix<float>& m) {
  REQUIRE(m.gap_is_untouched());
  std::vector<std::vector<float>> out;
  for (index_t r = 0; r < m.rows(); ++r) out.emplace_back(m.view().row(r), m.view().row(r) + m.cols());
  return out;
}
using Rows = std::vector<std::vector<float>>;

TEST_CASE("elementwise verbs work on every element once") {
  Reference on;
  HostMatrix<float> out(2, 3, 2);
  on.fill(out.view(), 7.0F);
  CHECK(rows_of(out) == Rows{{7, 7, 7}, {7, 7, 7}});
  on.generate(out.view(), [](index_t r, index_t c) { return 10 * r + c; });
  CHECK(rows_of(out) == Rows{{0, 1, 2}, {10, 11, 12}});
  mask_word bits[] = {0b101, 0b010};
  on.map(
      out.view(), [](float a, float b, bool kept) { return kept ? a + b : 0.0F; }, out.view(), out.view(),
      MaskView<const mask_word>{bits, 2, 3});
  CHECK(rows_of(out) == Rows{{0, 0, 4}, {0, 22, 0}});
  HostMatrix<float> copy(2, 3, 2);
  on.copy_in(out.view(), copy.view());
  CHECK(rows_of(copy) == rows_of(out));
  on.fill(copy.view(), 0.0F);
  on.copy_out(out.view(), copy.view());
  CHECK(rows_of(copy) == rows_of(out));
}
TEST_CASE("rows times the Walsh-Hadamard matrix, by its definition") {
  Reference on;
  for (const index_t cols : {1, 2, 4, 8, 32}) {
    CAPTURE(cols);
    auto out = Draw{3}.grid<float>(3, cols, 2);
    const auto in = out;
    on.hadamard(out.view());
    for (index_t r = 0; r < 3; ++r)
      for (index_t c = 0; c < cols; ++c) {
        float sum = 0;
        for (index_t k = 0; k < cols; ++k)
          sum += std::popcount(static_cast<unsigned>(c & k)) % 2 == 0 ? in(r, k) : -in(r, k);
        CHECK(out(r, c) == sum);
      }
    CHECK(out.gap_is_untouched());
  }
}
TEST_CASE("products are added to what is there") {
  Reference on;
  const auto a = matrix({{1, 2}, {3, 4}, {5, 6}}), b = matrix({{1, 0, -1}, {2, 1, 0}});
  auto out = matrix({{100, 0, 0}, {0, 0, 0}, {0, 0, 0}});
  on.gemm(2.0, a.view(), b.view(), out.view());
  CHECK(rows_of(out) == Rows{{110, 4, -2}, {22, 8, -6}, {34, 12, -10}});
  auto square = matrix({{100, 0, 0}, {0, 0, 0}, {0, 0, 0}});
  on.gemm_nt(-1.0, a.view(), a.view(), square.view());
  CHECK(rows_of(square) == Rows{{95, -11, -17}, {-11, -25, -39}, {-17, -39, -61}});
  auto small = matrix({{100, 0}, {0, 0}});
  on.gemm_tn(1.0, a.view(), a.view(), small.view());
  CHECK(rows_of(small) == Rows{{135, 44}, {44, 56}});
}
TEST_CASE("sums are added to what is there") {
  Reference on;
  const auto in = matrix({{1, 2, 3}, {4, 5, 6}});
  auto rows = matrix({{10}, {20}}), columns = matrix({{1, 1, 1}}), outer = matrix({{1, 1, 1}, {1, 1, 1}});
  on.row_sums(2.0, in.view(), rows.view());
  CHECK(rows_of(rows) == Rows{{22}, {50}});
  on.column_sums(0.5, in.view(), columns.view());
  CHECK(rows_of(columns) == Rows{{3.5, 4.5, 5.5}});
  auto squares = matrix({{1, 1, 1}});
  on.column_squares(0.5, in.view(), squares.view());
  CHECK(rows_of(squares) == Rows{{9.5, 15.5, 23.5}});
  on.add_outer_sum(2.0, rows.view(), columns.view(), outer.view());
  CHECK(rows_of(outer) == Rows{{52, 54, 56}, {108, 110, 112}});
  const auto slices = matrix({{1, 2}, {3, 4}, {10, 20}, {30, 40}, {100, 200}, {300, 400}});
  auto sum = matrix({{1000, 1000}, {1000, 1000}});
  on.add_slices(slices.view(), sum.view());
  CHECK(rows_of(sum) == Rows{{1111, 1222}, {1333, 1444}});
}
TEST_CASE("products and sums are rounded once, from double") {
  Reference on;
  const auto big = matrix({{1e8F, 1, -1e8F}}), ones = matrix({{1}, {1}, {1}});
  auto out = matrix({{0}});
  on.gemm(1.0, big.view(), ones.view(), out.view());
  CHECK(out(0, 0) == 1);
  on.fill(out.view(), 0.0F);
  on.row_sums(1.0, big.view(), out.view());
  CHECK(out(0, 0) == 1);
}
TEST_CASE("one NaN or Inf makes a matrix not finite, one outside its columns does not") {
  Reference on;
  auto m = matrix({{1, 2, 3}, {4, 5, 6}});
  CHECK(on.all_finite(m.view()));
  for (float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                    -std::numeric_limits<float>::infinity()})
    for (index_t n = 0; n < 6; ++n) {
      const float kept = std::exchange(m(n / 3, n % 3), bad);
      CHECK_FALSE(on.all_finite(m.view()));
      m(n / 3, n % 3) = kept;
    }
  CHECK(on.squared_norm(m.view()) == 91);
}
TEST_CASE("a histogram counts the keys that begin with the prefix") {
  Reference on;
  const auto scores = matrix({{1, -1}, {1, 2}});
  HostMatrix<std::int64_t> counts;
  std::vector<std::int64_t> memory(RadixDigit<std::uint32_t>::bins, 5);
  RadixSelect<std::uint32_t> select;
  select.begin(2);
  on.histogram(scores.view(), select.digit(), MatrixView<std::int64_t>{memory.data(), 1, std::ssize(memory)});
  for (float value : {1.0F, -1.0F, 2.0F})
    CHECK(memory[static_cast<std::size_t>(select.digit().bin(order_key(value)))] == (value == 1.0F ? 7 : 6));
  memory.assign(memory.size(), 0);
  memory[static_cast<std::size_t>(select.digit().bin(order_key(1.0F)))] = 4;
  select.choose(memory);
  memory.assign(memory.size(), 0);
  on.histogram(scores.view(), select.digit(), MatrixView<std::int64_t>{memory.data(), 1, std::ssize(memory)});
  CHECK(std::accumulate(memory.begin(), memory.end(), std::int64_t{0}) == 2);
}
TEST_CASE("the lowest are pruned with the first of those equal to the threshold") {
  Reference on;
  const auto scores = matrix({{3, 1, 2}, {2, 0, 2}});
  mask_word words[] = {~mask_word{0}, ~mask_word{0}};
  const MaskView<mask_word> mask{words, 2, 3};
  CHECK(on.prune_lowest(scores.view(), order_key(2.0F), 2, mask) == 2);
  CHECK(words[0] == 0b001);
  CHECK(words[1] == 0b100);
  CHECK(on.prune_lowest(scores.view(), order_key(2.0F), 0, mask) == 0);
  CHECK(words[0] == 0b101);
  CHECK(words[1] == 0b101);
  CHECK(on.prune_lowest(scores.view(), order_key(2.0F), 9, mask) == 3);
  on.prune_lowest_per_row(scores.view(), 2, mask);
  CHECK(words[0] == 0b001);
  CHECK(words[1] == 0b100);
  on.prune_lowest_per_row(scores.view(), 0, mask);
  CHECK(words[0] == 0b111);
}
TEST_CASE("a replaced mask says what was dropped and what grew again") {
  Reference on;
  mask_word old_words[] = {0b1100, 0b0001}, new_words[] = {0b1010, 0b0111};
  const MaskChange change =
      on.replace_mask(MaskView<const mask_word>{new_words, 2, 4}, MaskView<mask_word>{old_words, 2, 4});
  CHECK(change.dropped == 1);
  CHECK(change.regrown == 3);
  CHECK(old_words[0] == 0b1010);
  CHECK(old_words[1] == 0b0111);
}
TEST_CASE("compressed products are those of the masked weight, and G is found where it is kept") {
  Reference on;
  const auto weight = matrix({{1, 2, 3}, {4, 5, 6}, {7, 8, 9}});
  std::vector<mask_word> words(3);
  const MaskView<mask_word> mask{words.data(), 3, 3};
  on.fill_mask(mask, [](index_t r, index_t c) { return r != 1 && c != r; });
  std::uint32_t starts[4], flipped_starts[4];
  std::uint8_t columns[4], flipped_columns[4];
  float values[4], flipped_values[4];
  const CompressedView<float, HostSpace> by_rows{3, 3, starts, columns, values},
      by_columns{3, 3, flipped_starts, flipped_columns, flipped_values};
  CHECK(on.count_kept(mask, by_rows) == 4);
  CHECK(std::vector<std::uint32_t>(starts, starts + 4) == std::vector<std::uint32_t>{0, 2, 2, 4});
  const Tile last{.row = 2, .rows = 1, .cols = 3}, first{.row = 0, .rows = 2, .cols = 3};
  on.compress(last.of(weight.view()), last.of(mask), last, by_rows);
  on.compress(first.of(weight.view()), first.of(mask), first, by_rows);
  CHECK(std::vector<std::uint8_t>(columns, columns + 4) == std::vector<std::uint8_t>{1, 2, 0, 1});
  CHECK(std::vector<float>(values, values + 4) == std::vector<float>{2, 3, 7, 8});
  on.transpose_compressed(by_rows, by_columns);
  CHECK(std::vector<std::uint32_t>(flipped_starts, flipped_starts + 4) == std::vector<std::uint32_t>{0, 1, 3, 4});
  CHECK(std::vector<std::uint8_t>(flipped_columns, flipped_columns + 4) == std::vector<std::uint8_t>{2, 0, 2, 0});
  CHECK(std::vector<float>(flipped_values, flipped_values + 4) == std::vector<float>{7, 2, 8, 3});

  Reference::workspace<float> memory{on, LayerLayout{on.plan({.in = 3, .out = 3}, 1), 1}};
  const auto x = matrix({{1, 10, 100}}), bias = matrix({{1000, 2000, 3000}});
  HostMatrix<float> y(1, 3, 2), grad_x(1, 3, 2), expanded(2, 3, 2);
  on.compressed_product(by_rows, x.view(), bias.view(), y.view(), memory);
  CHECK(rows_of(y) == Rows{{1320, 2000, 3087}});
  on.compressed_product(by_rows, x.view(), MatrixView<const float>{}, y.view(), memory);
  CHECK(rows_of(y) == Rows{{320, 0, 87}});
  on.compressed_product(by_columns, x.view(), MatrixView<const float>{}, grad_x.view(), memory);
  CHECK(rows_of(grad_x) == Rows{{700, 802, 3}});

  const auto two_x = matrix({{1, 10, 100}, {2, 3, 4}}), two_grad_y = matrix({{1, 5, -1}, {3, 7, 2}});
  std::vector<float> sampled(4);
  on.sampled_product(by_rows, two_grad_y.view(), two_x.view(), sampled.data(), memory);
  CHECK(sampled == std::vector<float>{19, 112, 3, -4});
  on.expand(by_rows, Tile{.row = 1, .rows = 2, .cols = 3}, expanded.view());
  CHECK(rows_of(expanded) == Rows{{0, 0, 0}, {7, 8, 0}});
}
TEST_CASE("the rows are one part, and that is one tile") {
  const Reference on;
  CHECK(on.slots() == 1);
  CHECK(on.plan({.in = 7, .out = 100}, 3).parts() == 1);
  CHECK(on.plan({.in = 7, .out = 100}, 3).rows_per_block >= 100);
  CHECK(on.plan({.in = 7, .out = 100}, 3).rows_per_tile >= 100);
}

}  // namespace
}  // namespace pst::test
