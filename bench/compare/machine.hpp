// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "blas.hpp"
#include "options.hpp"

namespace compare {

/// What a number depends on besides the code that is timed, as names and values.
using Facts = std::vector<std::pair<std::string, std::string>>;

[[nodiscard]] Facts facts_of(const Options& options, const std::vector<Blas>& libraries);

}  // namespace compare
