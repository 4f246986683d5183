// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>

#include "finetune/search/search.hpp"
#include "finetune/train/training_data.hpp"

namespace finetune {

/// Asks the best state of a run, which began from the model of `settings`, about the first dev data: with compressed
/// weights, or with dense ones where `sparsity` is 0. `dense` is the score of the dense model.
[[nodiscard]] Candidate measure(const std::filesystem::path& run, double sparsity, const Settings& settings,
                                const TrainingData& data, std::optional<double> dense);

}  // namespace finetune
