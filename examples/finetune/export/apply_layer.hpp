// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/core/tensor.hpp>

#include "finetune/model/layer.hpp"

namespace finetune {

/// Makes of a dense layer's weight that of a task: M .* (W + scale * U V), computed as the layer that trained it does,
/// bit for bit. `state` is what the layer gave when it was saved; scores and bias are not looked at, and without
/// delta.U and delta.V nothing is added. Kept weights that trained take the place of the weight. Throws pst::Error when
/// a tensor is missing or does not fit.
void apply_layer(Layer& layer, const pst::TensorList& state, double scale);

}  // namespace finetune
