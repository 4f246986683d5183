// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <limits>
#include <optional>
#include <span>

#include "pst/core/config.hpp"

namespace pst::PST_ABI {

/// a * b, or nothing when no index holds it. Neither is negative.
[[nodiscard]] constexpr std::optional<index_t> checked_product(index_t a, index_t b) noexcept {
  if (b != 0 && a > std::numeric_limits<index_t>::max() / b) return {};
  return a * b;
}

/// The product of all sides, the size of a tensor: 1 without a side, 0 with a side of 0. Nothing when a side is
/// negative or when no index holds the product.
[[nodiscard]] constexpr std::optional<index_t> element_count(std::span<const index_t> shape) noexcept {
  bool empty = false;
  std::optional<index_t> count = 1;
  for (const index_t side : shape) {
    if (side < 0) return {};
    empty = empty || side == 0;
    if (side > 0 && count) count = checked_product(*count, side);
  }
  return empty ? 0 : count;
}

}  // namespace pst::PST_ABI
