// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include "finetune/model/virtual_tokens.hpp"

namespace finetune {

/// What adapter_config.json of PEFT says, as far as a model depends on it.
struct PeftConfig {
  bool is_ia3 = false;
  bool is_dora = false;  ///< LoRA whose sum with the weight has rows of lengths that train
  index_t rank = 8;
  double alpha = 8.0;
  bool is_rank_stabilised = false;              ///< scale alpha / sqrt(r) instead of alpha / r
  std::map<std::string, double> ranks, alphas;  ///< of modules whose name a pattern matches, instead
  std::vector<std::string> targets, feed_forward;
  std::optional<std::regex> target_expression;  ///< where the targets are one text, which matches whole names
  bool targets_all_linear = false;
  std::vector<index_t> blocks;         ///< that are adapted; empty: all
  std::optional<PlacedTokens> tokens;  ///< of prompt tuning and its relatives; then the rest is empty
  index_t token_width = 0, token_blocks = 0, token_heads = 0;  ///< of the model that they are for; 0: not said

  [[nodiscard]] index_t rank_of(std::string_view module) const;
  /// What B A is multiplied with.
  [[nodiscard]] double scale_of(std::string_view module) const;
  /// Whether a module, in a block of this number, should have an adapter.
  [[nodiscard]] bool adapts(std::string_view module, std::optional<index_t> block) const;
  /// Whether (IA)3 scales what a module reads, and not what it gives.
  [[nodiscard]] bool scales_input(std::string_view module) const;
};

/// Reads adapter_config.json of a folder. Throws pst::Error on what is not read here, with its name.
[[nodiscard]] PeftConfig read_peft_config(const std::filesystem::path& folder);
/// The same from its text; `source` stands in messages.
[[nodiscard]] PeftConfig parse_peft_config(std::string_view text, const std::string& source);

}  // namespace finetune
