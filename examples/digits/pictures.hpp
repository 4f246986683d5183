// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "run.hpp"

namespace digits {

/// Accuracy and sparsity over the run, a curve for each method: means over the seeds, shaded from least to most.
[[nodiscard]] std::string draw_curves(double sparsity, const std::vector<RunSpec>& specs,
                                      const std::vector<RunResult>& results);

}  // namespace digits
