// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/core/tensor.hpp>

#include <string>
#include <vector>

#include "run.hpp"

namespace digits {

/// A weight whose zeros are shown, and what to call it.
struct MaskPanel {
  std::string title;
  pst::Tensor weight;
};

/// Masks side by side, with the weights kept per row and per column beside and above each: the paper's figure.
[[nodiscard]] std::string draw_masks(const std::string& layer, const std::vector<MaskPanel>& panels);

/// Accuracy and sparsity over the run, a curve for each method: means over the seeds, shaded from least to most.
[[nodiscard]] std::string draw_curves(double sparsity, const std::vector<RunSpec>& specs,
                                      const std::vector<RunResult>& results);

}  // namespace digits
