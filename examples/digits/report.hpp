// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ostream>
#include <vector>

#include "run.hpp"

namespace digits {

/// Prints a Markdown table of one sparsity: a row for each method, means and deviations over the seeds.
void print_table(std::ostream& out, const std::vector<RunSpec>& specs, const std::vector<RunResult>& results);

}  // namespace digits
