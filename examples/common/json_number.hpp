// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

namespace common {

/// The number, or null where there is none, or none that JSON has.
[[nodiscard]] inline nlohmann::ordered_json number_or_null(std::optional<double> number) {
  return number && std::isfinite(*number) ? nlohmann::ordered_json(*number) : nullptr;
}

}  // namespace common
