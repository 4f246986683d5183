// SPDX-License-Identifier: Apache-2.0
#pragma once

// Ranks of scores: 64 at a time are compared as numbers, and only where one matters are they looked at one by one.
// Work: two comparisons for each score; 4 or 8 bytes read, one bit written. A histogram of all keys: one count each.
// Bound by arithmetic on vectors while scores are in L2; the histogram of all keys by loads and stores of counts.

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>

#include "pst/core/order_key.hpp"
#include "pst/core/radix_select.hpp"
#include "pst/core/threshold_guess.hpp"
#include "pst/core/view.hpp"

namespace pst::PST_ABI::PST_ISA::eigen_cpu {

/// Scores of one group: a word of a mask.
inline constexpr index_t score_group = 64;

/// A range of keys as numbers: `first` and what comes after it up to `end`, which is not in it.
template <class T>
struct NumberRange {
  T first, end;

  explicit NumberRange(KeyRange<OrderKey<T>> range)
      : first{number(range.first)},
        end{range.last == static_cast<OrderKey<T>>(~OrderKey<T>{0})
                ? std::numeric_limits<T>::infinity()
                : number(static_cast<OrderKey<T>>(range.last + 1))} {}
  /// Whether comparing numbers says the same as comparing keys. A processor that is told to may take subnormal numbers
  /// for zeros.
  [[nodiscard]] bool decides() const noexcept { return !subnormal(first) && !subnormal(end); }

 private:
  [[nodiscard]] static T number(OrderKey<T> key) noexcept {
    constexpr T infinity = std::numeric_limits<T>::infinity();
    return number_with_key<T>(std::clamp(key, order_key(-infinity), order_key(infinity)));
  }
  [[nodiscard]] static bool subnormal(T value) noexcept {
    constexpr T least = std::numeric_limits<T>::min();
    return order_key(value) != order_key(T{0}) && -least < value && value < least;
  }
};

/// Calls `f(values, r, c)` for all groups of scores; the last of a row is filled up with `pad`.
template <class T, class F>
void for_each_group(MatrixView<const T> scores, T pad, F&& f) {
  const index_t whole = scores.cols / score_group * score_group;
  for (index_t r = 0; r < scores.rows; ++r) {
    for (index_t c = 0; c < whole; c += score_group) f(scores.row(r) + c, r, c);
    if (whole == scores.cols) continue;
    T rest[score_group];
    std::copy_n(scores.row(r) + whole, scores.cols - whole, rest);
    std::fill(rest + (scores.cols - whole), rest + score_group, pad);
    f(static_cast<const T*>(rest), r, whole);
  }
}
/// How many values of a group are as `holds` says.
template <class T, class F>
[[nodiscard]] std::int32_t count_of(const T* values, F holds) {
  std::int32_t count = 0;
  for (index_t c = 0; c < score_group; ++c) count += holds(values[c]) ? 1 : 0;
  return count;
}
/// The word whose bit c is `holds(values[c])`.
template <class T, class F>
[[nodiscard]] mask_word word_of(const T* values, F holds) {
  std::uint8_t bytes[score_group];
  for (index_t c = 0; c < score_group; ++c) bytes[c] = holds(values[c]) ? 1 : 0;
  mask_word word = 0;
  for (int eight = 0; eight < 8; ++eight) {  // a product gathers eight bytes of 0 or 1 in its highest byte
    std::uint64_t ones;
    std::memcpy(&ones, bytes + 8 * eight, sizeof ones);
    word |= ((ones * 0x0102040810204080U) >> 56) << (8 * eight);
  }
  return word;
}

/// What Reference::collect does, for a range that decides.
template <class T>
void collect(MatrixView<const T> scores, NumberRange<T> range, MatrixView<T> found, MatrixView<std::int64_t> counts) {
  index_t below_all = 0, at = counts(0, 1);
  for_each_group(scores, std::numeric_limits<T>::infinity(), [&](const T* values, index_t, index_t) {
    const std::int32_t below = count_of(values, [range](T value) { return value < range.first; });
    below_all += below;
    if (count_of(values, [range](T value) { return value < range.end; }) == below) return;
    const auto inside = [range](T value) { return (value >= range.first) & (value < range.end); };
    for (mask_word left = word_of(values, inside); left != 0; left &= left - 1, ++at)
      if (at < found.cols) found(0, at) = values[std::countr_zero(left)];
  });
  counts(0, 0) += below_all;
  counts(0, 1) = at;
}
/// What Reference::prune_lowest does, for the finite number that has the threshold's key.
template <class T>
[[nodiscard]] index_t prune_lowest(MatrixView<const T> scores, T threshold, index_t ties, MaskView<mask_word> mask) {
  index_t pruned = 0;
  for_each_group(scores, -std::numeric_limits<T>::infinity(), [&](const T* values, index_t r, index_t c) {
    mask_word word = word_of(values, [threshold](T value) { return value > threshold; });
    const auto equal = [threshold](T value) { return value == threshold; };
    if (count_of(values, equal) != 0) {
      mask_word tied = word_of(values, equal);
      for (; pruned < ties && tied != 0; tied &= tied - 1) ++pruned;
      word |= tied;
    }
    mask.row(r)[c / score_group] = word;
  });
  return pruned;
}
/// What Reference::histogram does, for many scores: neighbours are counted apart, so that one bin need not wait for
/// itself.
template <class T>
void histogram(MatrixView<const T> scores, RadixDigit<OrderKey<T>> digit, MatrixView<std::int64_t> counts) {
  constexpr index_t bins = RadixDigit<OrderKey<T>>::bins, ways = 4;
  const NumberRange<T> range{digit.range};
  const bool skips = range.decides();
  std::array<std::array<std::uint32_t, bins + 1>, ways> of{};  // the last bin is for keys that do not count
  for_each_group(scores, T{0}, [&](const T* values, index_t, index_t first) {
    const index_t size = std::min(score_group, scores.cols - first);
    const auto inside = [range](T value) { return (value >= range.first) & (value < range.end); };
    if (skips && count_of(values, inside) == 0) return;
    std::int32_t bin[score_group];
    for (index_t c = 0; c < score_group; ++c) {
      const OrderKey<T> key = order_key(values[c]);
      bin[c] = static_cast<std::int32_t>(digit.counts(key) ? digit.bin(key) : bins);
    }
    for (index_t c = 0; c < size; ++c) ++of[static_cast<std::size_t>(c % ways)][static_cast<std::size_t>(bin[c])];
  });
  for (index_t bin = 0; bin < bins; ++bin)
    for (const auto& way : of) counts(0, bin) += way[static_cast<std::size_t>(bin)];
}

/// Searches rows one after the other for what Reference::lowest_of finds: the threshold of one is a good guess for the
/// next.
template <class T>
class RowSearch {
 public:
  using Key = OrderKey<T>;
  /// The `count` lowest: all keys below the threshold, and so many equal to it.
  struct Lowest {
    Key threshold;
    index_t ties;
  };

  /// Nothing when there is no guess yet, or a wrong one. `count` is positive.
  [[nodiscard]] std::optional<Lowest> find(MatrixView<const T> row, index_t count) {
    const NumberRange<T> range{guess_.range()};
    if (!guess_.trusted() || !range.decides()) return {};
    std::int64_t counts[2] = {0, 0};
    collect(row, range, MatrixView<T>{near_, 1, room}, MatrixView<std::int64_t>{counts, 1, 2});
    const auto [below, inside] = counts;
    filled_ = static_cast<double>(inside) / static_cast<double>(room);
    if (count <= below || count > below + inside || inside > room) return {};
    T* const kth = near_ + (count - below - 1);
    std::nth_element(near_, kth, near_ + inside);
    return Lowest{order_key(*kth), 1 + std::count(near_, kth, *kth)};
  }
  /// Takes the threshold of the row that was looked at last.
  void learn(Key threshold) noexcept {
    guess_.learn(threshold, filled_);
    filled_.reset();
  }

 private:
  static constexpr index_t room = 256;

  ThresholdGuess<Key> guess_;
  std::optional<double> filled_;
  T near_[room];
};

}  // namespace pst::PST_ABI::PST_ISA::eigen_cpu
