// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "json_object.hpp"
#include "tokenizer.hpp"
#include "tokenizer_config.hpp"

#include <string>

namespace finetune {

/// The tokenizer that the content of a tokenizer.json describes. Where `config` speaks of lower case, accents,
/// ideographs or the space in front, it is followed, as `transformers` does.
[[nodiscard]] Tokenizer::Parts parts_from_json(const JsonObject& file, const TokenizerConfig& config);

/// The vocabulary `object`, an object of ids by token.
[[nodiscard]] Vocabulary read_vocabulary(const JsonObject& object);

/// Reads the post-processor of a tokenizer.json.
[[nodiscard]] SequenceTemplate read_sequence_template(const JsonObject& file);

}  // namespace finetune
