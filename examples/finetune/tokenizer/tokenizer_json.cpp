// SPDX-License-Identifier: Apache-2.0
#include "tokenizer_json.hpp"

#include "in_quotes.hpp"

#include <pst/core/error.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

namespace finetune {
namespace {

/// Fails unless the member `key` of `file` is an object of type `expected`, which is returned.
JsonObject expect_type(const JsonObject& file, const char* key, std::string_view expected) {
  JsonObject member{file.at(key), file.what() + ": " + in_quotes(key)};
  const std::string type = member.text("type").value_or("");
  pst::require(type == expected, member.what(), " has the type ", in_quotes(type),
               ", which is not supported: expected ", expected);
  return member;
}

/// How tokens become text. Without a decoder the class of the tokenizer says it.
std::optional<JsonObject> find_decoder(const JsonObject& file, std::string_view expected) {
  if (file.find("decoder") == nullptr) return std::nullopt;
  return expect_type(file, "decoder", expected);
}

BertNormalizer read_normalizer(const JsonObject& file, const TokenizerConfig& config) {
  if (file.find("normalizer") == nullptr)
    return {.clean_text = false, .split_ideographs = false, .strip_accents = false, .lower_case = false};
  const JsonObject object = expect_type(file, "normalizer", "BertNormalizer");
  BertNormalizer normalizer;
  normalizer.clean_text = object.flag("clean_text").value_or(true);
  normalizer.split_ideographs = config.split_ideographs.value_or(object.flag("handle_chinese_chars").value_or(true));
  normalizer.lower_case = config.lower_case.value_or(object.flag("lowercase").value_or(true));
  const auto strip = config.strip_accents ? config.strip_accents : object.flag("strip_accents");
  normalizer.strip_accents = strip.value_or(normalizer.lower_case);
  return normalizer;
}

WordPiece read_word_piece(const JsonObject& file, const JsonObject& model, const Vocabulary& vocabulary) {
  static_cast<void>(expect_type(file, "pre_tokenizer", "BertPreTokenizer"));
  const auto decoder = find_decoder(file, "WordPiece");
  WordPiece::Options options;
  options.unknown_token = model.text("unk_token").value_or(options.unknown_token);
  options.inner_prefix = model.text("continuing_subword_prefix").value_or(options.inner_prefix);
  options.longest_word = model.count("max_input_chars_per_word").value_or(options.longest_word);
  if (decoder) {
    options.tidy_decoded = decoder->flag("cleanup").value_or(true);
    const std::string shown = decoder->text("prefix").value_or(options.inner_prefix);
    pst::require(shown == options.inner_prefix, decoder->what(), ": \"prefix\" is ", in_quotes(shown),
                 ", the model has ", in_quotes(options.inner_prefix), ": expected the same");
  }
  return WordPiece{vocabulary, options};
}

/// A merge is written `"a b"` or `["a", "b"]`.
std::pair<std::string, std::string> read_merge(const nlohmann::json& value, const std::string& what) {
  if (value.is_array() && value.size() == 2 && value[0].is_string() && value[1].is_string())
    return {value[0].get<std::string>(), value[1].get<std::string>()};
  const std::string text = value.is_string() ? value.get<std::string>() : "";
  const std::size_t blank = text.find(' ');
  pst::require(blank != std::string::npos && text.find(' ', blank + 1) == std::string::npos, what, ": ",
               in_quotes(value.dump()), " is no merge, expected \"a b\" or [\"a\", \"b\"]");
  return {text.substr(0, blank), text.substr(blank + 1)};
}

ByteBpe read_byte_bpe(const JsonObject& file, const JsonObject& model, const Vocabulary& vocabulary,
                      const TokenizerConfig& config) {
  pst::require(file.find("normalizer") == nullptr, file.what(),
               ": \"normalizer\" is there, expected none with byte-level BPE: this one is not supported");
  const JsonObject splitter = expect_type(file, "pre_tokenizer", "ByteLevel");
  pst::require(splitter.flag("use_regex").value_or(true), splitter.what(),
               ": \"use_regex\" is false, which is not supported");
  static_cast<void>(find_decoder(file, "ByteLevel"));
  for (const char* key :
       {"dropout", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", "byte_fallback", "ignore_merges"})
    model.refuse(key);
  const auto& values = model.at("merges");
  pst::require(values.is_array() && values.size() <= most_tokens, model.what(), ": \"merges\" is ", values.type_name(),
               " of ", values.size(), ", expected an array of at most ", most_tokens);
  ByteBpe::Merges merges;
  for (const auto& value : values) merges.push_back(read_merge(value, model.what() + ": \"merges\""));
  const bool prefix = splitter.flag("add_prefix_space").value_or(true);
  return {vocabulary,
          merges,
          {.unknown_token = model.text("unk_token").value_or(""),
           .add_prefix_space = config.add_prefix_space.value_or(prefix)}};
}

/// Early files do not write the type of the model down.
std::string type_of(const JsonObject& model) {
  if (const auto type = model.text("type")) return *type;
  if (model.find("merges") != nullptr) return "BPE";
  return model.find("continuing_subword_prefix") != nullptr ? "WordPiece" : "";
}

void read_added(const JsonObject& file, Tokenizer::Parts& parts) {
  const auto* const tokens = file.find("added_tokens");
  if (tokens == nullptr) return;
  pst::require(tokens->is_array(), file.what(), ": \"added_tokens\" is ", tokens->type_name(), ", expected an array");
  for (const auto& value : *tokens) {
    const JsonObject object{value, file.what() + ": an added token"};
    AddedToken token = read_added_token(object);
    const auto id = object.count("id");
    pst::require(id && *id < most_tokens, object.what(), ' ', in_quotes(token.content), " has no \"id\" below ",
                 most_tokens);
    token.id = static_cast<TokenId>(*id);
    add_token(parts, std::move(token));
  }
}

}  // namespace

Vocabulary read_vocabulary(const JsonObject& object) {
  Vocabulary vocabulary;
  for (const auto& [token, id] : object.value().items()) {
    pst::require(id.is_number_unsigned(), object.what(), ": the token ", in_quotes(token), " has the id ",
                 in_quotes(id.dump()), ", expected a whole number from 0 on");
    vocabulary.set(token, id.get<std::uint64_t>());
  }
  return vocabulary;
}

Tokenizer::Parts parts_from_json(const JsonObject& file, const TokenizerConfig& config) {
  const JsonObject model{file.at("model"), file.what() + ": \"model\""};
  const std::string type = type_of(model);
  pst::require(type == "WordPiece" || type == "BPE", model.what(), " has the type ", in_quotes(type),
               ", which is not supported: expected WordPiece or BPE");
  Vocabulary vocabulary = read_vocabulary(JsonObject{model.at("vocab"), model.what() + ": \"vocab\""});
  const bool is_word_piece = type == "WordPiece";
  std::variant<WordPiece, ByteBpe> read =
      is_word_piece ? std::variant<WordPiece, ByteBpe>{read_word_piece(file, model, vocabulary)}
                    : std::variant<WordPiece, ByteBpe>{read_byte_bpe(file, model, vocabulary, config)};
  Tokenizer::Parts parts{.vocabulary = std::move(vocabulary),
                         .added = {},
                         .normalizer = is_word_piece ? read_normalizer(file, config) : BertNormalizer{},
                         .model = std::move(read),
                         .sequence = read_sequence_template(file),
                         .special = {},
                         .decodes = file.find("decoder") != nullptr || !config.is_generic()};
  read_added(file, parts);
  const bool has_frame = id_of(parts, "<s>") != no_token && id_of(parts, "</s>") != no_token;
  apply_names(parts, config, is_word_piece ? bert_names() : byte_bpe_names(config, has_frame));
  return parts;
}

}  // namespace finetune
