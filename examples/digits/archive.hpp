// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/core/tensor.hpp>

#include <filesystem>
#include <string>

#include "model.hpp"

namespace digits {

/// Replaces the dense weight `name` by `name.bitmask` (one bit per weight) and `name.kept` (the others are zero).
void compress(pst::TensorList& list, const std::string& name);

/// Undoes `compress` for every weight of `list`; exact, pruned weights are +0.
[[nodiscard]] pst::TensorList expanded(const pst::TensorList& list);

/// The model with W' in place of every weight, as a list of dense tensors.
[[nodiscard]] inline pst::TensorList masked_tensors(Model& model) {
  pst::TensorList list = model.save();
  model.encoder.for_each_projection([&](auto& projection) {
    Matrix masked;
    projection.export_weight(masked);
    for (pst::Tensor& tensor : list)
      if (tensor.name == projection.name + ".weight")
        tensor = pst::Tensor::from<float>(tensor.name, tensor.shape,
                                          {masked.data(), static_cast<std::size_t>(masked.size())});
  });
  return list;
}

}  // namespace digits
