// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "finetune/model/model.hpp"

namespace finetune {

/// The intrinsic dimension of a model, and the layers that have it.
struct IntrinsicPart {
  transformer::IntrinsicDimension dimension{};
  bool keeps_zeros = false;  ///< zeros of the weights are masked
  std::vector<std::string> layers{};
};

/// That of a model; no layers: it has none.
[[nodiscard]] IntrinsicPart intrinsic_part(Model& model);
/// As it stands in the metadata of a task file.
[[nodiscard]] std::string intrinsic_text(const IntrinsicPart& part);
/// Reads that; `what` stands in messages. Throws pst::Error on anything else.
[[nodiscard]] IntrinsicPart read_intrinsic(const std::string& text, const std::string& what);
/// What the vector is called in a task file.
[[nodiscard]] std::string name_of_vector(const ModelConfig& config);

}  // namespace finetune
