// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>

#include "pst/core/config.hpp"

namespace pst::PST_ABI {

/// The keys from `first` to `last`.
template <class Key>
struct KeyRange {
  Key first = 0;
  Key last = static_cast<Key>(~Key{0});

  [[nodiscard]] PST_HD constexpr bool holds(Key key) const noexcept {
    return static_cast<Key>(key - first) <= static_cast<Key>(last - first);
  }
  friend constexpr bool operator==(const KeyRange&, const KeyRange&) = default;
};

/// Which keys one counting pass looks at: those of a range, in bins of 2^shift neighbours.
template <class Key>
struct RadixDigit {
  static constexpr int bits = 11;
  static constexpr index_t bins = index_t{1} << bits;

  KeyRange<Key> range;
  int shift = 0;

  /// Whether this pass counts `key`.
  [[nodiscard]] PST_HD constexpr bool counts(Key key) const noexcept { return range.holds(key); }
  /// The bin of `key`.
  [[nodiscard]] PST_HD constexpr index_t bin(Key key) const noexcept {
    return static_cast<index_t>(static_cast<Key>(key - range.first) >> shift);
  }
};

/// Finds the k-th lowest key exactly from histograms, 11 bits a pass, most significant first: 3 passes for 32 bits.
///
/// Histograms are integers, so the order of counting and the number of threads do not matter. Afterwards keys below
/// `threshold()` are the lowest, and `ties()` of those equal to it belong to them.
template <class Key>
class RadixSelect {
 public:
  using Digit = RadixDigit<Key>;

  /// Starts the search for the `k`-th lowest, counted from 1; for k = 0 nothing is searched.
  void begin(index_t k) noexcept {
    remaining_ = k;
    digit_ = {};
    searching_ = k > 0;
    none_ = k <= 0;
    if (searching_) next_digit();
  }
  /// Whether another histogram is needed.
  [[nodiscard]] bool searching() const noexcept { return searching_; }
  /// What the next histogram counts.
  [[nodiscard]] const Digit& digit() const noexcept { return digit_; }
  /// Takes how many keys are below a range and in it, before the first histogram: the search goes on in this range, or
  /// on the side of it where the k-th key is. Returns whether it is in the range.
  bool narrow(KeyRange<Key> range, index_t below, index_t inside) noexcept {
    const bool found = below < remaining_ && remaining_ <= below + inside;
    if (found) {
      digit_.range = range;
      remaining_ -= below;
    } else if (remaining_ <= below) {
      digit_.range.last = static_cast<Key>(range.first - 1);
    } else {
      digit_.range.first = static_cast<Key>(range.last + 1);
      remaining_ -= below + inside;
    }
    next_digit();
    return found;
  }
  /// Takes one histogram; returns the bin the k-th key is in.
  index_t choose(std::span<const std::int64_t> counts) noexcept {
    index_t bin = 0;
    while (bin + 1 < Digit::bins && remaining_ > counts[static_cast<std::size_t>(bin)])
      remaining_ -= counts[static_cast<std::size_t>(bin++)];
    KeyRange<Key>& range = digit_.range;
    range.first = static_cast<Key>(range.first + (static_cast<Key>(bin) << digit_.shift));
    const Key most = static_cast<Key>(range.last - range.first), width = static_cast<Key>((Key{1} << digit_.shift) - 1);
    range.last = static_cast<Key>(range.first + std::min(most, width));
    searching_ = digit_.shift > 0;
    if (searching_) next_digit();
    return bin;
  }
  /// Nothing is below: k was 0.
  [[nodiscard]] bool none() const noexcept { return none_; }
  /// The k-th lowest key.
  [[nodiscard]] Key threshold() const noexcept { return digit_.range.first; }
  /// How many keys equal to the threshold are among the k lowest.
  [[nodiscard]] index_t ties() const noexcept { return none_ ? 0 : remaining_; }

 private:
  void next_digit() noexcept {
    const auto width = static_cast<Key>(digit_.range.last - digit_.range.first);
    digit_.shift = std::max(0, static_cast<int>(std::bit_width(width)) - Digit::bits);
  }

  Digit digit_;
  index_t remaining_ = 0;
  bool searching_ = false;
  bool none_ = true;
};

/// How many of `size` things a sparsity prunes: trunc(size * sparsity), as the reference counts.
[[nodiscard]] constexpr index_t pruned_count(index_t size, double sparsity) noexcept {
  return std::clamp(static_cast<index_t>(static_cast<double>(size) * sparsity), index_t{0}, size);
}
/// How many of `size` numbers a share is: trunc(size * share), and at least one.
[[nodiscard]] constexpr index_t share_of(index_t size, double share) noexcept {
  return std::max<index_t>(1, pruned_count(size, share));
}

}  // namespace pst::PST_ABI
