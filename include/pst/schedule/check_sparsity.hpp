// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/core/error.hpp"

namespace pst::PST_ABI::detail {

/// Throws Error unless `sparsity`, a schedule's number called `name`, is one that a mask can have.
inline void check_sparsity(const char* name, double sparsity) {
  require(sparsity >= 0 && sparsity < 1, name, " is ", sparsity, ", expected a number in [0, 1)");
}

}  // namespace pst::PST_ABI::detail
