// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "pst/core/config.hpp"

namespace pst {

/// Which digit of which keys one counting pass looks at: keys that begin with `prefix` above the digit.
template <class Key>
struct RadixDigit {
  static constexpr int bits = 11;
  static constexpr index_t bins = index_t{1} << bits;

  Key prefix = 0;  ///< the digits found so far, in place
  Key known = 0;   ///< ones where `prefix` is known
  int shift = 0;   ///< the digit's lowest bit
  Key ones = 0;    ///< the digit's value mask, at bit 0 (the last digit is shorter)

  /// Whether this pass counts `key`.
  [[nodiscard]] PST_HD constexpr bool counts(Key key) const noexcept { return (key & known) == prefix; }
  /// The bin of `key`.
  [[nodiscard]] PST_HD constexpr index_t bin(Key key) const noexcept {
    return static_cast<index_t>((key >> shift) & ones);
  }
};

/// Finds the k-th lowest key exactly from histograms, one digit a pass, most significant first: 3 passes for 32 bits.
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
    top_ = 8 * static_cast<int>(sizeof(Key));
    digit_ = {};
    searching_ = k > 0;
    none_ = k <= 0;
    if (searching_) next_digit();
  }
  /// Whether another histogram is needed.
  [[nodiscard]] bool searching() const noexcept { return searching_; }
  /// What the next histogram counts.
  [[nodiscard]] const Digit& digit() const noexcept { return digit_; }
  /// Takes one histogram; returns the bin the k-th key is in.
  index_t choose(std::span<const std::int64_t> counts) noexcept {
    index_t bin = 0;
    while (bin + 1 < Digit::bins && remaining_ > counts[static_cast<std::size_t>(bin)])
      remaining_ -= counts[static_cast<std::size_t>(bin++)];
    digit_.prefix = static_cast<Key>(digit_.prefix | (static_cast<Key>(bin) << digit_.shift));
    digit_.known = static_cast<Key>(digit_.known | (digit_.ones << digit_.shift));
    searching_ = top_ > 0;
    if (searching_) next_digit();
    return bin;
  }
  /// Nothing is below: k was 0.
  [[nodiscard]] bool none() const noexcept { return none_; }
  /// The k-th lowest key.
  [[nodiscard]] Key threshold() const noexcept { return digit_.prefix; }
  /// How many keys equal to the threshold are among the k lowest.
  [[nodiscard]] index_t ties() const noexcept { return none_ ? 0 : remaining_; }

 private:
  void next_digit() noexcept {
    const int width = std::min(Digit::bits, top_);
    top_ -= width;
    digit_.shift = top_;
    digit_.ones = static_cast<Key>((Key{1} << width) - 1);
  }

  Digit digit_;
  index_t remaining_ = 0;
  int top_ = 0;
  bool searching_ = false;
  bool none_ = true;
};

/// How many of `size` things a sparsity prunes: trunc(size * sparsity), as the reference counts.
[[nodiscard]] constexpr index_t pruned_count(index_t size, double sparsity) noexcept {
  return std::clamp(static_cast<index_t>(static_cast<double>(size) * sparsity), index_t{0}, size);
}

}  // namespace pst
