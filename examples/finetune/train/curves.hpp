// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "finetune/run/metrics_log.hpp"

namespace finetune {

/// A picture (SVG) of a run: loss, scores on the dev data, and sparsity over the steps, unless it is 0 all along.
[[nodiscard]] std::string draw_run(const std::string& title, std::span<const Record> records, std::int64_t steps);

}  // namespace finetune
