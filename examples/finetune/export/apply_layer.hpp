// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/any/linear.hpp>
#include <pst/any/shared_cpu.hpp>
#include <pst/core/tensor.hpp>

#include <string>
#include <string_view>

#include "finetune/model/layer.hpp"

namespace finetune {

/// Whether a layer saves a tensor of this name, whatever its method is.
[[nodiscard]] bool is_of_layer(std::string_view name);
/// Whether a tensor that a layer saved fits a weight of this shape, as far as its own name tells.
[[nodiscard]] bool fits_layer(const pst::Tensor& tensor, pst::Shape shape);

/// Whether what a layer gave when it was saved is a low-rank update of the weight and nothing else: without a mask, and
/// without weights that trained themselves.
[[nodiscard]] bool is_update(const pst::TensorList& state);

/// A layer of W' = M .* (W + scale * U V), with rows of the length m where there is delta.m (DoRA), that borrows W and,
/// where there is one, a bias; without a mask and m it adds the update beside W. `state` is what the layer that trained
/// gave when it was saved: without delta.U and delta.V nothing is added, without a mask nothing is pruned; scores and
/// bias are not looked at. Throws pst::Error on a tensor that does not fit.
[[nodiscard]] pst::AnyLinear<float> updated_layer(const std::string& name, pst::MatrixView<const float> weight,
                                                  pst::MatrixView<const float> bias, const pst::TensorList& state,
                                                  double scale, const pst::SharedCpu& on = {});

/// The same W' as a matrix, as the layer that trained it computes it, bit for bit; a weight that trained itself takes
/// the place of W, as do kept weights that trained.
[[nodiscard]] Matrix weight_of_task(const std::string& name, pst::MatrixView<const float> weight,
                                    const pst::TensorList& state, double scale);

/// Makes of a dense layer's weight that of a task.
void apply_layer(Layer& layer, const pst::TensorList& state, double scale);

}  // namespace finetune
