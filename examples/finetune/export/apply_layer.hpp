// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/core/tensor.hpp>

#include <string_view>

#include "finetune/model/layer.hpp"

namespace finetune {

/// Whether a layer saves a tensor of this name, whatever its method is.
[[nodiscard]] bool is_of_layer(std::string_view name);
/// Whether a tensor that a layer saved fits a weight of this shape, as far as its own name tells.
[[nodiscard]] bool fits_layer(const pst::Tensor& tensor, pst::Shape shape);

/// Makes of a dense layer's weight that of a task: M .* (W + scale * U V), computed as the layer that trained it does,
/// bit for bit. `state` is what the layer gave when it was saved; scores and bias are not looked at.
/// Without delta.U and delta.V nothing is added, without a mask nothing is pruned, and a weight that trained itself
/// takes the place of W, as do kept weights that trained. Throws pst::Error when a tensor is missing or does not fit.
void apply_layer(Layer& layer, const pst::TensorList& state, double scale);

}  // namespace finetune
