// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include "finetune/model/layer.hpp"

namespace finetune {

/// What adapter_config.json of PEFT says, as far as a merged model depends on it.
struct PeftConfig {
  bool is_ia3 = false;
  index_t rank = 8;
  double alpha = 8.0;
  bool is_rank_stabilised = false;              ///< scale alpha / sqrt(r) instead of alpha / r
  std::map<std::string, double> ranks, alphas;  ///< of modules whose name a pattern matches, instead
  std::vector<std::string> targets, feed_forward;
  std::optional<std::regex> target_expression;  ///< where the targets are one text, which matches whole names
  bool targets_all_linear = false;
  std::vector<index_t> blocks;  ///< that are adapted; empty: all

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

}  // namespace finetune
