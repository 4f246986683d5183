// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/io/element_type.hpp>

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "finetune/model/model.hpp"

namespace finetune {

/// A tensor as a Hugging Face folder has it.
struct FileTensor {
  std::vector<index_t> shape;
  std::vector<float> values;
  bool is_layer_weight = false;  ///< of a linear layer inside the blocks
};

/// Every tensor of a model by its name in a folder: learnt factors are added, pruned weights are exactly zero, and
/// parts of one tensor are put together.
[[nodiscard]] std::map<std::string, FileTensor> file_tensors(Model& model);

/// The bytes of a tensor in a type of file. Throws pst::Error when a number is too large for it.
[[nodiscard]] std::vector<std::byte> stored(const std::string& name, const FileTensor& tensor,
                                            pst::io::ElementType type);

/// Copies the part of a tensor that `value` is, whose shape says how large.
void take_part(const TensorPlace& place, const std::vector<float>& tensor, Matrix& value);

/// "float32" and the like; refuses types in which no model can be saved.
[[nodiscard]] const char* torch_name(pst::io::ElementType type);

}  // namespace finetune
