// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/io/element_type.hpp>

#include "finetune/model/model.hpp"

namespace finetune {

/// What became of the changes of a base's weights when the result was rounded to the numbers of a file.
struct RoundingLoss {
  index_t changed = 0;  ///< weights of linear layers that are not as in the base
  index_t lost = 0;     ///< of these, those that are rounded to the same number as the base's
};

/// Compares a model with its base, number by number. Throws pst::Error when the two have other layers.
[[nodiscard]] RoundingLoss rounding_loss(Model& model, Model& base, pst::io::ElementType type);

}  // namespace finetune
