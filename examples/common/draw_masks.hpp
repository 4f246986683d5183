// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/core/tensor.hpp>

#include <string>
#include <vector>

namespace common {

/// A weight whose zeros are shown, and what to call it.
struct MaskPanel {
  std::string title;
  pst::Tensor weight;
};

/// Masks side by side, with the weights kept per row and per column beside and above each: the paper's figure. A cell
/// is one weight, or in layers above 512 rows or columns a square of weights, as dark as the share of them that is
/// kept.
[[nodiscard]] std::string draw_masks(const std::string& layer, const std::vector<MaskPanel>& panels);

}  // namespace common
