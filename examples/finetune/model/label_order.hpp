// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace finetune {

/// Which of `labels` each of `wanted` is: the same names in any order, large or small letters, with `_`, `-` or a blank
/// between words. None where they are other names.
[[nodiscard]] std::optional<std::vector<std::size_t>> label_order(std::span<const std::string> wanted,
                                                                  std::span<const std::string> labels);

}  // namespace finetune
