// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "pst/core/functors.hpp"
#include "pst/core/matrix.hpp"
#include "pst/core/order_key.hpp"
#include "pst/core/radix_select.hpp"

namespace pst::PST_ABI {

/// Writes masks of several matrices that keep exactly the `count` largest numbers of all of them together. Of equal
/// numbers, those of the earlier matrix, and there those of the lower row-major index, are left out first, as
/// GlobalTopK does.
///
/// `numbers_of(i)` gives the i-th matrix, as large as `masks[i]` and without NaN, the same in every call: it is called
/// some times for each of them, one after the other, so that memory for one is enough.
/// @ingroup layer
template <class Scalar, class B, class NumbersOf>
void keep_largest(B& on, std::span<const MaskOn<B>> masks, index_t count, NumbersOf&& numbers_of) {
  using Select = RadixSelect<OrderKey<Scalar>>;
  index_t size = 0;
  for (const MaskOn<B>& mask : masks) size += mask.rows * mask.cols;
  Matrix<B, std::int64_t> counts(1, Select::Digit::bins);
  std::vector<std::int64_t> host(static_cast<std::size_t>(Select::Digit::bins));
  Select select;
  for (select.begin(size - count); select.searching();) {
    on.fill(counts.view(), 0);
    for (std::size_t i = 0; i < masks.size(); ++i) on.histogram(numbers_of(i), select.digit(), counts.view());
    on.copy_out(ViewOn<B, const std::int64_t>{counts.view()},
                MatrixView<std::int64_t>{host.data(), 1, Select::Digit::bins});
    select.choose(host);
  }
  index_t ties = select.ties();
  for (std::size_t i = 0; i < masks.size(); ++i)
    if (select.none())
      on.fill_mask(masks[i], functors::True{});
    else
      ties -= on.prune_lowest(numbers_of(i), select.threshold(), ties, masks[i]);
}

}  // namespace pst::PST_ABI
