// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "finetune/model/model.hpp"

namespace finetune {

/// The branches of a model as JSON text: where they stand and what they compute, not how they began.
[[nodiscard]] std::string branches_text(std::span<const PlacedBranch> branches);
/// What `branches_text` gave. Throws pst::Error, which begins with `what`, on anything else.
[[nodiscard]] std::vector<PlacedBranch> read_branches(std::string_view text, const std::string& what);

/// The virtual tokens of a model, folded, as JSON text: where they stand and how many, not what made them.
[[nodiscard]] std::string tokens_text(const PlacedTokens& tokens);
/// What `tokens_text` gave. Throws pst::Error, which begins with `what`, on anything else.
[[nodiscard]] PlacedTokens read_tokens(std::string_view text, const std::string& what);

}  // namespace finetune
