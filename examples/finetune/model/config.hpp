// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "transformer/block.hpp"

namespace finetune {

using transformer::index_t;

enum class Architecture { bert, roberta, gpt2 };

/// What a model is trained to say.
enum class Objective {
  classification,  ///< one of several labels
  regression,      ///< one number
  language_model   ///< the next token
};

/// The shape of a model, as config.json of a Hugging Face folder has it.
struct ModelConfig {
  Architecture architecture = Architecture::bert;
  index_t vocabulary = 0;
  index_t width = 0;
  index_t blocks = 0;
  index_t heads = 0;
  index_t hidden = 0;     ///< width of the feed-forward layer
  index_t positions = 0;  ///< rows of the position table
  index_t taken = 0;      ///< of these, positions of virtual tokens; no file has them
  index_t types = 0;      ///< rows of the token type table; 0 without one
  transformer::GeluForm gelu = transformer::GeluForm::exact;
  double norm_epsilon = 0.0;
  double embedding_dropout = 0.0;
  double attention_dropout = 0.0;
  double hidden_dropout = 0.0;
  double head_dropout = 0.0;
  double initial_deviation = 0.02;  ///< of weights that no file has
  index_t pad_id = -1;              ///< the token whose embedding does not train; -1: all train
  Objective objective = Objective::classification;
  std::vector<std::string> labels;  ///< in the order of the logits
  bool has_head = false;            ///< the file was written by a model with this task's head
  nlohmann::json json;              ///< the whole file

  /// How many tokens a sequence may have.
  [[nodiscard]] index_t longest() const noexcept {
    return (architecture == Architecture::roberta ? positions - pad_id - 1 : positions) - taken;
  }
  [[nodiscard]] index_t outputs() const noexcept {
    return objective == Objective::language_model ? vocabulary : static_cast<index_t>(labels.size());
  }
};

/// What is to become of the task head that a folder may have.
enum class HeadUse { read, discard };

/// Reads a config.json; throws pst::Error, with its name and value, on anything that is not supported. Of a head that
/// is discarded nothing is looked at: the model has none then, and two labels.
[[nodiscard]] ModelConfig parse_config(std::string_view text, const std::string& source, HeadUse head = HeadUse::read);
/// The config.json of a Hugging Face folder.
[[nodiscard]] ModelConfig read_config(const std::filesystem::path& folder, HeadUse head = HeadUse::read);

/// The same encoder for another task: one number if `labels` has one name, a choice between them otherwise.
[[nodiscard]] ModelConfig with_labels(ModelConfig config, std::vector<std::string> labels);

/// The config.json of a model that is saved; `dtype` as in "float32".
[[nodiscard]] std::string config_text(const ModelConfig& config, const std::string& dtype);

}  // namespace finetune
