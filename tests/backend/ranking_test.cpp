// SPDX-License-Identifier: Apache-2.0
#include "pst/backend/eigen_cpu/ranking.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "pst/backend/eigen_cpu.hpp"
#include "pst/backend/reference.hpp"
#include "support/host_mask.hpp"
#include "support/layer_tools.hpp"

namespace pst::test {
namespace {

/// Words and parts of words; enough scores for the fast histogram, and too few.
constexpr Shape ranked_shapes[] = {{1, 1}, {63, 3}, {64, 2}, {65, 7}, {130, 40}, {257, 65}, {5, 2000}, {0, 5}, {5, 0}};

/// Scores that are spread, and such that are hard to rank.
template <class Scalar>
[[nodiscard]] std::vector<HostMatrix<Scalar>> ranked_scores(Shape shape) {
  return {Draw{1}.normal<Scalar>(shape.out, shape.in, 3), hard_scores<Scalar>(shape.out, shape.in, 2)};
}
/// Keys of scores, keys beside them, and keys of no number.
template <class Scalar>
[[nodiscard]] std::vector<OrderKey<Scalar>> some_keys(const HostMatrix<Scalar>& scores) {
  using Limits = std::numeric_limits<Scalar>;
  using Key = OrderKey<Scalar>;
  std::vector<Key> keys{0, static_cast<Key>(~Key{0})};
  for (Scalar value : {Scalar{0}, Limits::denorm_min(), Limits::min(), Limits::max(), Limits::lowest(),
                       Limits::infinity(), -Limits::infinity(), Scalar{1}})
    keys.push_back(order_key(value));
  for (index_t i = 0; i < std::min<index_t>(scores.rows(), 5); ++i)
    if (scores.cols() > 0) keys.push_back(order_key(scores(i, i % scores.cols())));
  const std::size_t count = keys.size();
  for (std::size_t i = 0; i < count; ++i) {
    keys.push_back(static_cast<Key>(keys[i] - 1));
    keys.push_back(static_cast<Key>(keys[i] + 1));
  }
  return keys;
}

TEST_CASE_TEMPLATE("a key is that of its number", Scalar, float, double) {
  for (Scalar value : {Scalar{0}, Scalar{1}, Scalar{-3}, std::numeric_limits<Scalar>::denorm_min(),
                       std::numeric_limits<Scalar>::lowest(), std::numeric_limits<Scalar>::infinity()})
    CHECK(same_bits(number_with_key<Scalar>(order_key(value)), value));
}
TEST_CASE_TEMPLATE("scores in a range are collected as Reference collects them, in any order", Scalar, float, double) {
  using Key = OrderKey<Scalar>;
  for (const Shape shape : ranked_shapes)
    for (const auto& scores : ranked_scores<Scalar>(shape)) {
      const std::vector<Key> keys = some_keys(scores);
      for (std::size_t i = 0; i < keys.size(); ++i)
        for (std::size_t j = i; j < keys.size(); j += 3) {
          const KeyRange<Key> range{std::min(keys[i], keys[j]), std::max(keys[i], keys[j])};
          for (index_t room : {index_t{2}, shape.size() + 2}) {
            HostMatrix<Scalar> expected(1, room, 2), found(1, room, 2);
            HostMatrix<std::int64_t> expected_counts(1, 2), found_counts(1, 2);
            expected_counts(0, 0) = found_counts(0, 0) = 7, expected_counts(0, 1) = found_counts(0, 1) = 1;
            Reference{}.collect(scores.view(), range, expected.view(), expected_counts.view());
            EigenCpu{}.collect(scores.view(), range, found.view(), found_counts.view());
            REQUIRE(distance(found_counts, expected_counts) == 0);
            CHECK(found.gap_is_untouched());
            if (expected_counts(0, 1) > room) continue;  // what is found depends on the order
            const auto sort = [&](HostMatrix<Scalar>& list) {
              std::sort(list.view().data + 1, list.view().data + expected_counts(0, 1));
            };
            sort(expected), sort(found);
            CHECK(distance(found, expected) == 0);
          }
        }
    }
}
TEST_CASE_TEMPLATE("the lowest are pruned as Reference prunes them, at every threshold", Scalar, float, double) {
  for (const Shape shape : ranked_shapes)
    for (const auto& scores : ranked_scores<Scalar>(shape))
      for (const auto key : some_keys(scores))
        for (index_t ties : {index_t{0}, index_t{1}, index_t{3}, shape.size()}) {
          HostMask expected(shape.out, shape.in), found(shape.out, shape.in);
          const index_t pruned = Reference{}.prune_lowest(scores.view(), key, ties, expected.view());
          CHECK(EigenCpu{}.prune_lowest(scores.view(), key, ties, found.view()) == pruned);
          CHECK(found == expected);
        }
}
TEST_CASE_TEMPLATE("the lowest of each row are pruned as Reference prunes them, whatever the rows before are like",
                   Scalar, float, double) {
  Draw draw{4};
  for (const Shape shape : {Shape{1, 3}, Shape{70, 40}, Shape{300, 30}, Shape{1000, 9}})
    for (int way = 0; way < 4; ++way) {
      auto scores =
          way == 3 ? hard_scores<Scalar>(shape.out, shape.in, 5) : draw.normal<Scalar>(shape.out, shape.in, 2);
      for (index_t r = 0; way == 2 && r < shape.out; ++r)  // rows of another size each
        for (index_t c = 0; c < shape.in; ++c) scores(r, c) *= static_cast<Scalar>(r % 5 * 10 - 20);
      if (way == 1) scores.fill(3);
      for (index_t count : {index_t{0}, index_t{1}, shape.in / 2, shape.in * 9 / 10, shape.in}) {
        HostMask expected(shape.out, shape.in), found(shape.out, shape.in);
        Reference{}.prune_lowest_per_row(scores.view(), count, expected.view());
        EigenCpu{}.prune_lowest_per_row(scores.view(), count, found.view());
        CHECK(found == expected);
      }
    }
}
TEST_CASE_TEMPLATE("histograms of every digit are those of Reference, added to what was counted", Scalar, float,
                   double) {
  using Select = RadixSelect<OrderKey<Scalar>>;
  Draw draw{3};
  for (const Shape shape : {Shape{130, 40}, Shape{257, 65}, Shape{1000, 9}})
    for (const auto& scores : ranked_scores<Scalar>(shape))
      for (const index_t k : {index_t{1}, shape.size() / 2, shape.size()}) {
        HostMatrix<std::int64_t> expected(1, Select::Digit::bins), found(1, Select::Digit::bins);
        Select select;
        for (select.begin(k); select.searching();) {
          expected.fill(5), found.fill(5);
          Reference{}.histogram(scores.view(), select.digit(), expected.view());
          EigenCpu{}.histogram(scores.view(), select.digit(), found.view());
          CHECK(distance(found, expected) == 0);
          for (index_t bin = 0; bin < expected.cols(); ++bin) expected(0, bin) -= 5;
          select.choose({expected.view().data, static_cast<std::size_t>(expected.cols())});
        }
      }
}

}  // namespace
}  // namespace pst::test
