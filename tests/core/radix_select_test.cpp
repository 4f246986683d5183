// SPDX-License-Identifier: Apache-2.0
#include "pst/core/radix_select.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "pst/core/order_key.hpp"
#include "pst/core/unit_selection.hpp"
#include "support/layer_tools.hpp"

namespace pst::test {
namespace {

/// Passes over the keys until the search is over, and how many those were.
template <class Key>
int finish(RadixSelect<Key>& search, const std::vector<Key>& keys) {
  int passes = 0;
  while (search.searching()) {
    std::vector<std::int64_t> counts(static_cast<std::size_t>(RadixDigit<Key>::bins));
    for (Key key : keys)
      if (search.digit().counts(key)) ++counts[static_cast<std::size_t>(search.digit().bin(key))];
    search.choose(counts);
    ++passes;
  }
  return passes;
}
template <class Key>
RadixSelect<Key> select(const std::vector<Key>& keys, index_t k) {
  RadixSelect<Key> search;
  search.begin(k);
  const int passes = finish(search, keys);
  CHECK(passes == (k == 0 ? 0 : sizeof(Key) == 4 ? 3 : 6));
  return search;
}

TEST_CASE_TEMPLATE("the k-th key and its ties are those of a stable sort", Scalar, float, double) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const auto scores = hard_scores<Scalar>(1, 97, seed);
    std::vector<OrderKey<Scalar>> keys;
    for (index_t c = 0; c < scores.cols(); ++c) keys.push_back(order_key(scores(0, c)));
    auto sorted = keys;
    std::ranges::sort(sorted);
    for (index_t k = 1; k <= scores.cols(); ++k) {
      const auto found = select(keys, k);
      const auto expected = sorted[static_cast<std::size_t>(k - 1)];
      CHECK(found.threshold() == expected);
      CHECK(found.ties() == k - (std::ranges::lower_bound(sorted, expected) - sorted.begin()));
      CHECK_FALSE(found.none());
    }
  }
}
TEST_CASE("the k-th of keys that differ in one digit alone is found") {
  for (int shift = 0; shift < 64; ++shift) {
    const std::uint64_t low = 0x123456789abcdef0U & ~(std::uint64_t{1} << shift),
                        high = low | (std::uint64_t{1} << shift);
    CHECK(select<std::uint64_t>({high, low, high}, 1).threshold() == low);
    CHECK(select<std::uint64_t>({high, low, high}, 2).threshold() == high);
    CHECK(select<std::uint64_t>({high, low, high}, 2).ties() == 1);
    CHECK(select<std::uint64_t>({high, low, high}, 3).ties() == 2);
  }
}
TEST_CASE("for k = 0 nothing is searched and nothing is below") {
  const auto found = select<std::uint32_t>({3, 1, 2}, 0);
  CHECK(found.none());
  CHECK(found.ties() == 0);
}
TEST_CASE("a guess holds the k-th key from its first to its last key, and not one further") {
  const std::vector<std::uint32_t> keys{5, 10, 20, 20, 30, 40, 40, 50};
  const KeyRange<std::uint32_t> guess{20, 40};
  for (index_t k = 1; k <= std::ssize(keys); ++k) {
    CAPTURE(k);
    RadixSelect<std::uint32_t> search;
    search.begin(k);
    CHECK(search.narrow(guess, 2, 5) == (k >= 3 && k <= 7));
    finish(search, keys);
    const std::uint32_t expected = keys[static_cast<std::size_t>(k - 1)];
    CHECK(search.threshold() == expected);
    CHECK(search.ties() == k - (std::ranges::lower_bound(keys, expected) - keys.begin()));
  }
}
TEST_CASE("a search can be started again") {
  RadixSelect<std::uint32_t> search;
  search.begin(5);
  search.begin(0);
  CHECK_FALSE(search.searching());
  CHECK(search.none());
}
TEST_CASE("the number of pruned things is truncated, as the published code does") {
  CHECK(pruned_count(768 * 768, 0.9) == 530841);
  CHECK(pruned_count(10, 0.0) == 0);
  CHECK(pruned_count(10, 0.1) == 1);
  CHECK(pruned_count(10, 0.999999) == 9);
  CHECK(pruned_count(1, 0.5) == 0);
  CHECK(pruned_count(0, 0.5) == 0);
}
TEST_CASE_TEMPLATE("of units the lowest are pruned, equal ones from the front", Scalar, float, double) {
  const auto scores = hard_scores<Scalar>(1, 61, 5);
  const std::span<const Scalar> span{scores.view().data, 61};
  for (index_t pruned = 0; pruned <= 61; ++pruned) {
    std::vector<std::uint8_t> kept(61, 7);
    select_units(span, pruned, std::span{kept});
    // lowest_pruned takes a sparsity: the middle of what truncates to `pruned`
    const double sparsity = (static_cast<double>(pruned) + (pruned < 61 ? 0.5 : 0.0)) / 61;
    const auto truth = oracle::lowest_pruned(scores.template as<double>(), sparsity);
    CHECK(oracle::Mask(kept.begin(), kept.end()) == truth);
  }
}

}  // namespace
}  // namespace pst::test
