// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "finetune/model/model.hpp"

namespace finetune {

/// What adapter_config.json of the library adapters (1.3) says of bottlenecks: Houlsby's (double_seq_bn), Pfeiffer's
/// (seq_bn), parallel (par_bn) and Compacter's, or others of these options.
struct AdaptersConfig {
  std::string name;  ///< of the adapter, which is in the names of its tensors
  std::vector<PlacedBranch> branches;
};

/// Reads it for a base. Throws pst::Error, which begins with `source`, with the name of what is asked for and not done
/// here, and with all fields that are not known.
[[nodiscard]] AdaptersConfig parse_adapters_config(std::string_view text, const ModelConfig& base,
                                                   const std::string& source);
/// The text that is read as this. Throws pst::Error where the library has no such adapter.
[[nodiscard]] std::string adapters_config_text(const AdaptersConfig& config, const ModelConfig& base);

/// What head_config.json says of the head of a classifier.
struct AdaptersHead {
  std::string name;                 ///< in the names of its tensors; of a head that is part of its model empty
  std::vector<std::string> labels;  ///< empty: as many as its tensors have
  bool has_pooler = false;          ///< it has a layer with tanh in front, which is what pools in the model
};
[[nodiscard]] AdaptersHead parse_adapters_head(std::string_view text, const ModelConfig& base,
                                               const std::string& source);
/// The text of a head with its pooler.
[[nodiscard]] std::string adapters_head_text(const AdaptersHead& head, const ModelConfig& base);

}  // namespace finetune
