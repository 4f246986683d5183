// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include <fstream>
#include <string>

#include "finetune/tokenizer/tokenizer.hpp"
#include "model_data.hpp"

namespace finetune::test {

/// Writes the files of a tokenizer of 40 tokens, as many as the small models have embeddings for: words of one letter,
/// and the special tokens where the model expects them.
inline void write_small_tokenizer(const std::string& name, const fs::path& folder) {
  if (name == "bert") {
    std::ofstream file{folder / "vocab.txt"};
    for (const char* token : {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}) file << token << '\n';
    for (char letter = 'a'; letter <= 'z'; ++letter) file << letter << '\n';
    for (char digit = '1'; digit <= '9'; ++digit) file << digit << '\n';
    return;
  }
  const bool is_roberta = name == "roberta";
  nlohmann::json vocabulary, added = nlohmann::json::array();
  const auto add = [&](const std::string& token) { vocabulary.emplace(token, vocabulary.size()); };
  const auto add_special = [&](const std::string& token) {
    added.push_back({{"id", vocabulary.size()}, {"content", token}, {"special", true}});
    add(token);
  };
  if (is_roberta)
    for (const char* token : {"<s>", "<pad>", "</s>", "<unk>"}) add_special(token);
  add("\u0120");  // a blank
  for (char letter = 'a'; letter <= 'z'; ++letter) add(std::string{letter});
  for (char other = '0'; vocabulary.size() < 39; ++other) add(std::string{other});
  add_special(is_roberta ? "<mask>" : "<|endoftext|>");
  const nlohmann::json byte_level{
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}};
  nlohmann::json frame = byte_level;
  if (is_roberta)
    frame = {{"type", "RobertaProcessing"},
             {"sep", {"</s>", 2}},
             {"cls", {"<s>", 0}},
             {"trim_offsets", true},
             {"add_prefix_space", false}};
  const nlohmann::json model{{"type", "BPE"},
                             {"unk_token", is_roberta ? "<unk>" : "<|endoftext|>"},
                             {"vocab", vocabulary},
                             {"merges", nlohmann::json::array()}};
  std::ofstream{folder / "tokenizer.json"} << nlohmann::json{
      {"version", "1.0"},        {"added_tokens", added}, {"normalizer", nullptr}, {"pre_tokenizer", byte_level},
      {"post_processor", frame}, {"decoder", byte_level}, {"model", model}};
}

[[nodiscard]] inline Tokenizer small_tokenizer(const std::string& name) {
  const TemporaryDirectory folder;
  write_small_tokenizer(name, folder.path());
  return load_tokenizer(folder.path());
}

}  // namespace finetune::test
