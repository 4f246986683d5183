// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <limits>
#include <optional>

#include "pst/core/radix_select.hpp"

namespace pst::PST_ABI {

/// Where a threshold that moves a little from step to step is looked for first: around the last one or, where that has
/// come closer before, as far ahead of it as it moved last.
///
/// A guess saves passes and never changes a result. The range is made as wide as the memory for its keys permits.
template <class Key>
class ThresholdGuess {
 public:
  /// Whether it is worth a pass to look there: the last guess was right, or there was none.
  [[nodiscard]] bool trusted() const noexcept { return trusted_; }
  /// The keys to look at first.
  [[nodiscard]] KeyRange<Key> range() const noexcept {
    const Key middle = trending_ ? static_cast<Key>(last_ + move_) : last_;
    return {middle > reach_ ? static_cast<Key>(middle - reach_) : Key{0},
            middle < most - reach_ ? static_cast<Key>(middle + reach_) : most};
  }
  /// Takes the threshold that was found and, if somebody looked, how much of their memory the keys in the range filled
  /// (more than 1 is too much).
  void learn(Key threshold, std::optional<double> filled = {}) noexcept {
    trusted_ = !known_ || range().holds(threshold);
    if (filled && *filled > 0.5)
      reach_ = std::max(static_cast<Key>(reach_ / 2), Key{1});
    else if ((!trusted_ || (filled && *filled < 0.25)) && reach_ < most / 4)
      reach_ = static_cast<Key>(reach_ * 2);
    trending_ = known_ && distance(threshold, static_cast<Key>(last_ + move_)) < distance(threshold, last_);
    move_ = known_ ? static_cast<Key>(threshold - last_) : Key{0};
    last_ = threshold;
    known_ = true;
  }

 private:
  static constexpr Key most = std::numeric_limits<Key>::max();

  [[nodiscard]] static constexpr Key distance(Key a, Key b) noexcept { return static_cast<Key>(a < b ? b - a : a - b); }

  Key last_ = 0;
  Key move_ = 0;                                                // modulo 2^bits: may be negative
  Key reach_ = Key{1} << (sizeof(Key) == 4 ? 23 - 8 : 52 - 8);  // some 1 / 256 of the threshold at first
  bool known_ = false;
  bool trusted_ = false;
  bool trending_ = false;
};

}  // namespace pst::PST_ABI
