// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/concepts/storage.hpp"
#include "pst/core/float16.hpp"

namespace pst::PST_ABI {

/// The attached weight consists of `Number`s, BFloat16 or Half, whatever the layer computes with: half the memory of
/// the frozen weight, and half the bytes to read.
///
/// Widening is exact. Only for updates that leave the weight as it is (Frozen, LowRank).
/// @ingroup storage
template <class Number>
struct StoredAs {
  using role = roles::storage;
  template <class Scalar>
  using number = Number;
};
static_assert(StoragePolicy<StoredAs<BFloat16>> && StoragePolicy<StoredAs<Half>>);

}  // namespace pst::PST_ABI
