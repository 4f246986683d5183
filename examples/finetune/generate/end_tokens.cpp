// SPDX-License-Identifier: Apache-2.0
#include "finetune/generate/end_tokens.hpp"

#include <pst/core/error.hpp>

#include <algorithm>
#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include "finetune/tokenizer/in_quotes.hpp"
#include "finetune/tokenizer/json_object.hpp"

namespace finetune {

namespace {

/// Those of a file's eos_token_id that the model has.
std::vector<int> named_in(const nlohmann::json& file, const std::string& source, index_t vocabulary) {
  const JsonObject object{file, source};
  const nlohmann::json* const named = object.find("eos_token_id");
  if (named == nullptr) return {};
  const nlohmann::json list = named->is_array() ? *named : nlohmann::json::array({*named});
  std::vector<int> ends;
  for (const nlohmann::json& id : list) {
    pst::require(id.is_number_integer(), source, ": eos_token_id is ", in_quotes(named->dump()),
                 ", expected the id of a token, or a list of them");
    const bool is_of_model = id >= 0 && id < vocabulary;
    if (is_of_model && std::ranges::find(ends, id.get<int>()) == ends.end()) ends.push_back(id.get<int>());
  }
  return ends;
}

}  // namespace

std::vector<int> end_tokens(const std::filesystem::path& folder, const ModelConfig& config,
                            const Tokenizer& tokenizer) {
  std::vector<int> ends;
  if (const auto path = folder / "generation_config.json"; std::filesystem::exists(path))
    ends = named_in(read_json_file(path), path.string(), config.vocabulary);
  if (ends.empty()) ends = named_in(config.json, (folder / "config.json").string(), config.vocabulary);
  if (ends.empty() && tokenizer.special().end != no_token) ends.push_back(tokenizer.special().end);
  return ends;
}

}  // namespace finetune
