// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "finetune/model/config.hpp"

namespace finetune {

/// Which modules of a model are meant: those that a pattern of one list matches, without those of another.
///
/// Patterns stand in a list with commas between them. Each is one of
///   - a name, or the end of one behind a dot: "query", "attention.output.dense", "encoder.layer.0.output.dense";
///   - a name that all architectures share: "attn.q", "attn.k", "attn.v", "attn.proj", "ff.w1", "ff.w2", "attn.norm",
///     "ff.norm";
///   - "re:" and a regular expression (ECMAScript) of the whole name, with or without "bert." and the like in front.
/// Behind it may stand the blocks that are meant: "query@0-3", "ff.w2@5", "value@last-2" (the last two); without a
/// name, "@last-2" means every module of these blocks.
class ModulePatterns {
 public:
  /// Reads both lists; without `include` every module is meant. `blocks` is how many the model has. Throws pst::Error
  /// on a pattern that cannot be read, and on blocks that the model does not have.
  ModulePatterns(std::string_view include, std::string_view exclude, index_t blocks);

  /// Whether a module, by its name in the model, is meant.
  [[nodiscard]] bool matches(std::string_view module) const;
  /// Throws pst::Error when a pattern matches none of `modules`, with the nearest names. Returns a sentence for each
  /// pattern that is a name and matches modules of several kinds: "output.dense" matches two in a block of BERT.
  [[nodiscard]] std::vector<std::string> check(const std::vector<std::string>& modules) const;

 private:
  class Pattern;
  std::vector<std::shared_ptr<const Pattern>> include_, exclude_;
};

/// The names of all linear layers and norms of a model, without the prefix of the architecture.
[[nodiscard]] std::vector<std::string> module_names(const ModelConfig& config, bool together);

/// "encoder.layer.3.attention.self.query" without its block: "attention.self.query".
[[nodiscard]] std::string_view kind_of_module(std::string_view module);

}  // namespace finetune
