// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <span>

#include "finetune/model/model.hpp"

namespace finetune {

/// A task file, and how much of it.
struct WeightedTask {
  std::filesystem::path file;
  double weight = 1.0;  ///< may be negative
};

/// The base with the weighted sum of what tasks changed: every tensor is W0 + sum of w (W - W0) over the tasks,
/// whatever made it, a low-rank update, a mask or training itself; the head, which the base does not have, is the sum
/// of w times each. Added up in double and rounded once. A sum is as sparse as what is zero in all of them.
///
/// Throws pst::Error on files of other bases or classes, on adapters that are no part of a weight, and on weights that
/// are no numbers.
[[nodiscard]] std::unique_ptr<Model> weighted_sum(std::span<const WeightedTask> tasks,
                                                  const std::filesystem::path& base);

}  // namespace finetune
