// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <vector>

#include "finetune/model/model.hpp"
#include "finetune/tokenizer/tokenizer.hpp"

namespace finetune {

/// The tokens that end a text of a model: the eos_token_id, a number or a list, of generation_config.json in its
/// folder, or else of its config.json, or else the tokenizer's end. A file that names no token of the model says
/// nothing.
[[nodiscard]] std::vector<int> end_tokens(const std::filesystem::path& folder, const ModelConfig& config,
                                          const Tokenizer& tokenizer);

}  // namespace finetune
