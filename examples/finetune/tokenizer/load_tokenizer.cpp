// SPDX-License-Identifier: Apache-2.0
#include "in_quotes.hpp"
#include "tokenizer.hpp"
#include "tokenizer_config.hpp"
#include "tokenizer_json.hpp"

#include <pst/core/error.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace finetune {
namespace {

namespace fs = std::filesystem;
using Names = std::map<std::string, std::string>;

/// Calls `take` for each line of `text`; line ends of Windows are taken off.
template <class Take>
void for_each_line(std::string_view text, const Take& take) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    take(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

/// Fails unless `config` names no class or one of `classes`.
void expect_class(const TokenizerConfig& config, const fs::path& folder,
                  std::initializer_list<std::string_view> classes) {
  const auto& name = config.tokenizer_class;
  pst::require(name.empty() || std::ranges::find(classes, name) != classes.end(), folder.string(),
               ": tokenizer_config.json has the class ", in_quotes(name),
               ", which is not supported with these files: add the tokenizer.json that transformers saves");
}

/// The id of the token for `part`, which must be in the vocabulary or be named by a file.
TokenId needed(const Tokenizer::Parts& parts, const TokenizerConfig& config, const Names& defaults, const char* part) {
  const std::string name = name_of(config, defaults, part);
  const TokenId id = id_of(parts, name);
  pst::require(id != no_token, "The vocabulary lacks the ", part, ' ', in_quotes(name),
               ": name the right one in tokenizer_config.json");
  return id;
}

/// Tokens that play a part are looked for in texts, with no choices, as in transformers 5: RoBERTa's `<mask>` takes the
/// blank in front along only where a file says so.
void add_defaults(Tokenizer::Parts& parts, const TokenizerConfig& config, const Names& defaults) {
  for (const auto& [part, name] : defaults)
    if (!config.named.contains(part) && parts.vocabulary.id_of(name) != no_token)
      add_token(parts, {.content = name, .special = true});
  apply_names(parts, config, defaults);
}

Tokenizer load_word_piece(const fs::path& folder, const TokenizerConfig& config) {
  expect_class(config, folder, {"BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer"});
  Vocabulary vocabulary;
  std::uint64_t line_number = 0;
  for_each_line(read_text_file(folder / "vocab.txt"),
                [&](std::string_view line) { vocabulary.set(line, line_number++); });
  const Names defaults = bert_names();
  BertNormalizer normalizer;
  normalizer.lower_case = config.lower_case.value_or(true);
  normalizer.strip_accents = config.strip_accents.value_or(normalizer.lower_case);
  normalizer.split_ideographs = config.split_ideographs.value_or(true);
  WordPiece model{vocabulary, {.unknown_token = name_of(config, defaults, "unk_token")}};
  Tokenizer::Parts parts{std::move(vocabulary), {}, normalizer, std::move(model), {}, {}};
  add_defaults(parts, config, defaults);
  parts.sequence = SequenceTemplate::bert(needed(parts, config, defaults, "cls_token"),
                                          needed(parts, config, defaults, "sep_token"));
  return Tokenizer{std::move(parts)};
}

ByteBpe::Merges read_merges(const fs::path& path) {
  ByteBpe::Merges merges;
  std::size_t line_number = 0;
  for_each_line(read_text_file(path), [&](std::string_view line) {
    ++line_number;
    if (line.empty() || line.starts_with("#version")) return;
    const std::size_t blank = line.find(' ');
    pst::require(blank != std::string_view::npos && line.find(' ', blank + 1) == std::string_view::npos, path.string(),
                 ": line ", line_number, " is ", in_quotes(line), ", expected two tokens with a blank between");
    pst::require(merges.size() < most_tokens, path.string(), ": has more than ", most_tokens, " merges");
    merges.emplace_back(line.substr(0, blank), line.substr(blank + 1));
  });
  return merges;
}

Tokenizer load_byte_bpe(const fs::path& folder, const TokenizerConfig& config) {
  expect_class(config, folder, {"GPT2Tokenizer", "RobertaTokenizer"});
  pst::require(fs::exists(folder / "merges.txt"), folder.string(), ": has a vocab.json and no merges.txt");
  const auto json = read_json_file(folder / "vocab.json");
  Vocabulary vocabulary = read_vocabulary(JsonObject{json, (folder / "vocab.json").string()});
  const bool has_frame = vocabulary.id_of("<s>") != no_token && vocabulary.id_of("</s>") != no_token;
  const Names defaults = byte_bpe_names(config, has_frame);
  ByteBpe model{vocabulary,
                read_merges(folder / "merges.txt"),
                {.unknown_token = "", .add_prefix_space = config.add_prefix_space.value_or(false)}};
  Tokenizer::Parts parts{std::move(vocabulary), {}, {}, std::move(model), {}, {}};
  add_defaults(parts, config, defaults);
  if (defaults.contains("cls_token"))
    parts.sequence = SequenceTemplate::roberta(needed(parts, config, defaults, "cls_token"),
                                               needed(parts, config, defaults, "sep_token"));
  return Tokenizer{std::move(parts)};
}

Tokenizer load_any(const fs::path& folder) {
  const TokenizerConfig config = read_tokenizer_config(folder);
  if (const auto path = folder / "tokenizer.json"; fs::exists(path)) {
    const auto json = read_json_file(path);
    return Tokenizer{parts_from_json(JsonObject{json, path.string()}, config)};
  }
  if (fs::exists(folder / "vocab.txt")) return load_word_piece(folder, config);
  if (fs::exists(folder / "vocab.json")) return load_byte_bpe(folder, config);
  pst::fail(folder.string(), ": has no tokenizer.json, no vocab.txt and no vocab.json with merges.txt: ",
            "put the tokenizer's files next to the model's");
}

}  // namespace

Tokenizer load_tokenizer(const fs::path& folder) {
  pst::require(fs::is_directory(folder), folder.string(), ": is no folder, expected a Hugging Face folder");
  try {
    return load_any(folder);
  } catch (const pst::Error& error) {
    // What is said of tokens does not say where they came from.
    if (std::string_view{error.what()}.starts_with(folder.string())) throw;
    pst::fail(folder.string(), ": ", error.what());
  }
}

}  // namespace finetune
