// SPDX-License-Identifier: Apache-2.0
#include "in_quotes.hpp"
#include "tokenizer_json.hpp"

#include <pst/core/error.hpp>

#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace finetune {
namespace {

TokenId read_id(const nlohmann::json& value, const std::string& what) {
  pst::require(value.is_number_unsigned() && value.get<std::uint64_t>() < most_tokens, what, ": ",
               in_quotes(value.dump()), " is no id, expected a whole number below ", most_tokens);
  return static_cast<TokenId>(value.get<std::uint64_t>());
}

/// The id in `["[SEP]", 102]`.
TokenId read_pair(const JsonObject& processor, const char* key) {
  const auto& pair = processor.at(key);
  pst::require(pair.is_array() && pair.size() == 2, processor.what(), ": ", in_quotes(key), " is ",
               in_quotes(pair.dump()), ", expected a token and its id");
  return read_id(pair[1], processor.what());
}

std::vector<TokenId> read_special_ids(const JsonObject& processor, const std::string& name) {
  const JsonObject specials{processor.at("special_tokens"), processor.what() + ": \"special_tokens\""};
  const JsonObject special{specials.at(name), specials.what() + ": " + in_quotes(name)};
  const auto& ids = special.at("ids");
  pst::require(ids.is_array() && ids.size() <= 16, special.what(), ": \"ids\" is no array of at most 16 ids");
  std::vector<TokenId> result;
  for (const auto& id : ids) result.push_back(read_id(id, special.what()));
  return result;
}

SequenceTemplate::Part read_part(const JsonObject& processor, const nlohmann::json& value) {
  const JsonObject part{value, processor.what() + ": a part"};
  if (const auto special = part.object("SpecialToken"))
    return {SequenceTemplate::Source::special, read_special_ids(processor, special->text("id").value_or("")),
            read_id(special->at("type_id"), special->what())};
  const JsonObject sequence{part.at("Sequence"), part.what()};
  const std::string id = sequence.text("id").value_or("");
  pst::require(id == "A" || id == "B", sequence.what(), ": \"id\" is ", in_quotes(id), ", expected \"A\" or \"B\"");
  return {id == "A" ? SequenceTemplate::Source::first : SequenceTemplate::Source::second,
          {},
          read_id(sequence.at("type_id"), sequence.what())};
}

/// Reads the parts for `texts` texts, each of which must be in there once.
SequenceTemplate::Parts read_parts(const JsonObject& processor, const char* key, int texts) {
  const auto& values = processor.at(key);
  pst::require(values.is_array() && values.size() <= 16, processor.what(), ": ", in_quotes(key),
               " is no array of at most 16 parts");
  SequenceTemplate::Parts parts;
  int first = 0;
  int second = 0;
  for (const auto& value : values) {
    parts.push_back(read_part(processor, value));
    first += parts.back().source == SequenceTemplate::Source::first ? 1 : 0;
    second += parts.back().source == SequenceTemplate::Source::second ? 1 : 0;
  }
  pst::require(first == 1 && second == texts - 1, processor.what(), ": ", in_quotes(key), " has A ", first,
               " times and B ", second, " times, expected 1 and ", texts - 1);
  return parts;
}

}  // namespace

SequenceTemplate read_sequence_template(const JsonObject& file) {
  const auto processor = file.object("post_processor");
  if (!processor) return {};
  const std::string type = processor->text("type").value_or("");
  if (type == "ByteLevel") return {};
  if (type == "BertProcessing")
    return SequenceTemplate::bert(read_pair(*processor, "cls"), read_pair(*processor, "sep"));
  if (type == "RobertaProcessing")
    return SequenceTemplate::roberta(read_pair(*processor, "cls"), read_pair(*processor, "sep"));
  pst::require(type == "TemplateProcessing", processor->what(), " has the type ", in_quotes(type),
               ", which is not supported: expected TemplateProcessing, BertProcessing, RobertaProcessing or ByteLevel");
  return {.single = read_parts(*processor, "single", 1), .pair = read_parts(*processor, "pair", 2)};
}

}  // namespace finetune
