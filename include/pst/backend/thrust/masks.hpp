// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <type_traits>

#include "pst/concepts/backend.hpp"
#include "pst/core/order_key.hpp"
#include "pst/core/radix_select.hpp"
#include "pst/core/view.hpp"

// What the verbs that rank scores and write masks do at one position. Positions of a mask are its words: each is
// written once, by one thread.
namespace pst::PST_ABI::on_thrust {

template <class Space>
using Words = MaskView<mask_word, Space>;
template <class Space>
using ConstWords = MaskView<const mask_word, Space>;

/// The ones of a word: counted in pairs of bits, in fours, in bytes, whose sum a product gathers.
[[nodiscard]] PST_HD constexpr index_t count_ones(mask_word word) noexcept {
  word -= (word >> 1) & 0x5555555555555555U;
  word = (word & 0x3333333333333333U) + ((word >> 2) & 0x3333333333333333U);
  word = (word + (word >> 4)) & 0x0F0F0F0F0F0F0F0FU;
  return static_cast<index_t>((word * 0x0101010101010101U) >> 56);
}
static_assert(count_ones(0) == 0 && count_ones(~mask_word{0}) == 64 && count_ones(0x8000000000000105U) == 4);

/// Writes word `w` of row `r`: `keep(column)` is asked for its columns in ascending order; unused bits are zero.
template <class Space, class Keep>
PST_HD void write_word(Words<Space> mask, index_t r, index_t w, Keep keep) {
  const index_t first = w * mask.bits, end = first + mask.bits < mask.cols ? first + mask.bits : mask.cols;
  mask_word word = 0;
  for (index_t c = first; c < end; ++c) word |= static_cast<mask_word>(keep(c) ? 1 : 0) << (c - first);
  mask.row(r)[w] = word;
}

template <class Space, class F>
struct FillWord {
  Words<Space> mask;
  F f;
  PST_HD void operator()(index_t r, index_t w) const {
    write_word(mask, r, w, [&](index_t c) { return f(r, c); });
  }
};

/// Counts every n-th score, n being the number of lanes, in the lane's own row of `histograms`.
template <class T, class Space, class Key>
struct CountLane {
  MatrixView<T, Space> scores;
  RadixDigit<Key> digit;
  MatrixView<std::int64_t, Space> histograms;

  PST_HD void operator()(index_t lane) const {
    for (index_t i = lane; i < scores.size(); i += histograms.rows) {
      const Key key = order_key(scores(i / scores.cols, i % scores.cols));
      if (digit.counts(key)) ++histograms(lane, digit.bin(key));
    }
  }
};

/// The score at a position.
template <class T, class Space>
struct ScoreAt {
  MatrixView<T, Space> scores;
  PST_HD std::remove_const_t<T> operator()(index_t r, index_t c) const { return scores(r, c); }
};
template <class Key>
struct IsBelow {
  Key key;
  template <class T>
  PST_HD bool operator()(T score) const {
    return order_key(score) < key;
  }
};
template <class Key>
struct IsInside {
  KeyRange<Key> range;
  template <class T>
  PST_HD bool operator()(T score) const {
    return range.holds(order_key(score));
  }
};
/// Adds to two counts.
template <class Space>
struct AddCounts {
  MatrixView<std::int64_t, Space> counts;
  std::int64_t first, second;
  PST_HD void operator()(index_t) const {
    counts(0, 0) += first;
    counts(0, 1) += second;
  }
};

/// How many scores of a word of the mask are equal to the threshold.
template <class T, class Space, class Key>
struct TiesOfWord {
  MatrixView<T, Space> scores;
  Key threshold;
  PST_HD index_t operator()(index_t r, index_t w) const {
    constexpr index_t bits = Words<Space>::bits;
    const index_t end = (w + 1) * bits < scores.cols ? (w + 1) * bits : scores.cols;
    index_t ties = 0;
    for (index_t c = w * bits; c < end; ++c) ties += order_key(scores(r, c)) == threshold ? 1 : 0;
    return ties;
  }
};

/// Keeps what is above the threshold, and of those equal to it all but the first `ties` of the matrix.
template <class T, class Space, class Key>
struct PruneWord {
  MatrixView<T, Space> scores;
  Key threshold;
  index_t ties;
  const index_t* ties_before;  ///< of each word, in row-major order
  Words<Space> mask;

  PST_HD void operator()(index_t r, index_t w) const {
    index_t tie = ties_before[r * mask.words_per_row + w];
    write_word(mask, r, w, [&](index_t c) {
      const Key key = order_key(scores(r, c));
      return key == threshold ? tie++ >= ties : key > threshold;
    });
  }
};

/// Prunes the `count` lowest of one row; their threshold is found bit by bit, without memory.
template <class T, class Space, class Key>
struct PruneRow {
  MatrixView<T, Space> scores;
  index_t count;
  Words<Space> mask;

  PST_HD void operator()(index_t r) const {
    Key threshold = 0, known = 0;
    index_t ties = count;  // ranks of the threshold among the keys that begin as it does
    for (Key bit = Key{1} << (8 * sizeof(Key) - 1); bit != 0; bit = static_cast<Key>(bit >> 1)) {
      known = static_cast<Key>(known | bit);
      const index_t with_zero = keys_that_begin(r, threshold, known);
      if (ties > with_zero) {
        ties -= with_zero;
        threshold = static_cast<Key>(threshold | bit);
      }
    }
    index_t tie = 0;
    for (index_t w = 0; w < mask.words_per_row; ++w)
      write_word(mask, r, w, [&](index_t c) {
        const Key key = order_key(scores(r, c));
        return key == threshold ? tie++ >= ties : key > threshold;
      });
  }

 private:
  PST_HD index_t keys_that_begin(index_t r, Key prefix, Key known) const {
    index_t found = 0;
    for (index_t c = 0; c < scores.cols; ++c) found += (order_key(scores(r, c)) & known) == prefix ? 1 : 0;
    return found;
  }
};

/// What changes in one word of a mask.
struct ChangeOfWord {
  const mask_word* next;
  const mask_word* mask;
  PST_HD MaskChange operator()(index_t w) const {
    return {count_ones(mask[w] & ~next[w]), count_ones(next[w] & ~mask[w])};
  }
};
struct AddChanges {
  PST_HD MaskChange operator()(MaskChange a, MaskChange b) const {
    return {a.dropped + b.dropped, a.regrown + b.regrown};
  }
};

}  // namespace pst::PST_ABI::on_thrust
