// SPDX-License-Identifier: Apache-2.0
#include "methods.hpp"

#include <pst/core/error.hpp>

#include <cmath>
#include <string>

namespace digits {

const MethodInfo& method_named(std::string_view name) {
  std::string known;
  for (const MethodInfo& info : method_table) {
    if (info.name == name) return info;
    known += (known.empty() ? "" : ", ") + std::string{info.name};
  }
  pst::fail("--methods has \"", name, "\", expected some of: ", known);
}

double penalty_for(double sparsity) { return 2.6 * std::pow(1.0 - sparsity, -0.6); }

}  // namespace digits
