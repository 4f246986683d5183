// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "finetune/model/config.hpp"

namespace finetune {

/// Names and layout of tensors in a Hugging Face folder.

/// What the linear layers and norms of an architecture are called, without the prefix of the model.
[[nodiscard]] const transformer::EncoderNames& encoder_names(Architecture architecture);
/// What stands in front of every tensor but those of the head: "bert.", "roberta." or "transformer.".
[[nodiscard]] std::string_view prefix_of(Architecture architecture);
/// The linear layer of a task head that has an output for each label, with the dot behind its name.
[[nodiscard]] std::string_view output_module(Architecture architecture);
/// The encoder of a model; `together` keeps GPT-2's query, key and value one layer.
[[nodiscard]] transformer::EncoderConfig encoder_config(const ModelConfig& config, bool together);

/// Which tensor of a file a matrix of the model is, or which part of it.
struct TensorPlace {
  std::string name;         ///< as the class of the task saves it, with its prefix
  bool is_vector = false;   ///< a bias or norm: 1 x n here, one dimension in the file
  bool transposed = false;  ///< a Conv1D of GPT-2 is stored in x out
  index_t part = 0;         ///< query, key and value are 3 parts of one tensor, along out
  index_t parts = 1;

  /// The tensor in the file of a matrix of this shape.
  [[nodiscard]] std::vector<index_t> shape_in_file(index_t rows, index_t cols) const;
  /// Where in that tensor element (row, col) of a matrix of this shape lies.
  [[nodiscard]] index_t offset(index_t row, index_t col, index_t rows, index_t cols) const noexcept {
    if (is_vector) return part * cols + col;
    return transposed ? col * parts * rows + part * rows + row : (part * rows + row) * cols + col;
  }
};

/// The place of `name`, a parameter of the encoder as EncoderNames and ".weight", ".bias" or ".gain" make it.
[[nodiscard]] TensorPlace encoder_place(Architecture architecture, const std::string& name);

/// The number of the block that a tensor of a file belongs to, whether its name has the prefix or not.
[[nodiscard]] std::optional<index_t> block_of(Architecture architecture, std::string_view tensor);

/// Throws pst::Error when the tensor is of a block that the configuration does not have: half a model answers nonsense.
/// A pooler, buffers and heads of other tasks may be left over. `source` is its file.
void refuse_more_blocks(const ModelConfig& config, std::string_view tensor, const std::string& source);

/// Whose tensor it is: a pooler or a head is made anew when a folder has none.
enum class Owner { encoder, pooler, head };

/// A tensor that a folder must have.
struct ExpectedTensor {
  std::string name;
  std::vector<index_t> shape;
  Owner owner = Owner::encoder;
};
/// Every tensor of a model, from its configuration alone.
[[nodiscard]] std::vector<ExpectedTensor> expected_tensors(const ModelConfig& config);

}  // namespace finetune
