// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/concepts/storage.hpp"

namespace pst::PST_ABI {

/// The attached weight consists of the layer's scalars.
/// @ingroup storage
struct StoredAsScalar {
  using role = roles::storage;
  template <class Scalar>
  using number = Scalar;
};
static_assert(StoragePolicy<StoredAsScalar>);

}  // namespace pst::PST_ABI
