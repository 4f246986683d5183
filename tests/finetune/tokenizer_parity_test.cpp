// SPDX-License-Identifier: Apache-2.0
// Expected values come from Hugging Face's tokenizers and transformers, through tokenizer_cases.py and token_files.py
// in tests/finetune/make.
#include <doctest/doctest.h>

#include "finetune/tokenizer/tokenizer.hpp"
#include "finetune/tokenizer_files.hpp"

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

using finetune::TokenId;
using finetune::Tokenizer;
using tokenizer_test::fixtures;
using tokenizer_test::Folder;
using tokenizer_test::json;
using tokenizer_test::read_json;

namespace {

using Ids = std::vector<TokenId>;

std::string from_hex(const std::string& code) {
  std::string bytes;
  for (std::size_t i = 0; i < code.size(); i += 2)
    bytes.push_back(static_cast<char>(std::stoi(code.substr(i, 2), nullptr, 16)));
  return bytes;
}

std::size_t limit_of(const json& value) { return value.is_null() ? Tokenizer::no_limit : value.get<std::size_t>(); }

void check_pairs(const Tokenizer& tokenizer, const json& cases) {
  for (const auto& expected : cases["pairs"]) {
    CAPTURE(expected.dump());
    const auto found =
        tokenizer.encode(expected[0].get<std::string>(), expected[1].get<std::string>(), limit_of(expected[2]));
    CHECK(found.ids == expected[3].get<Ids>());
    CHECK(found.types == expected[4].get<Ids>());
  }
  for (const auto& expected : cases["single"]) {
    CAPTURE(expected.dump());
    CHECK(tokenizer.encode(expected[0].get<std::string>(), limit_of(expected[1])).ids == expected[2].get<Ids>());
  }
}

void check_texts(const Tokenizer& tokenizer, const json& texts, const json& cases) {
  for (std::size_t i = 0; i < cases["ids"].size(); ++i) {
    CAPTURE(texts["texts"][i].dump());
    CHECK(tokenizer.encode(texts["texts"][i].get<std::string>()).ids == cases["ids"][i].get<Ids>());
  }
  for (std::size_t i = 0; i < cases["broken"].size(); ++i) {
    CAPTURE(texts["broken"][i].dump());
    CHECK(tokenizer.encode(from_hex(texts["broken"][i])).ids == cases["broken"][i].get<Ids>());
  }
}

void check_decoded(const Tokenizer& tokenizer, const json& cases) {
  for (std::size_t i = 0; i < cases["decoded"].size(); ++i) {
    const auto ids = cases["ids"][i].get<Ids>();
    CAPTURE(cases["ids"][i].dump());
    CHECK(tokenizer.decode(ids) == cases["decoded"][i].get<std::string>());
    if (i % 4 == 0) CHECK(tokenizer.decode(ids, false) == cases["decoded_all"][i / 4].get<std::string>());
  }
}

/// Writes what a case changes: members of a tokenizer.json, lines behind a vocab.txt, any other file as a whole.
void write_changes(const Folder& folder, const json& files) {
  for (const auto& [name, content] : files.items()) {
    const auto path = folder.path() / name;
    if (content.is_string()) {
      folder.write(name, pst::io::test::read_text(path) + content.get<std::string>());
      continue;
    }
    json changed = name == "tokenizer.json" ? read_json(path) : json::object();
    changed.update(content);
    folder.write(name, changed.dump());
  }
}

}  // namespace

TEST_CASE("Whatever file names a token, its id and text are those of transformers") {
  for (const auto& each : read_json(fixtures() / "token_files.json")) {
    CAPTURE(each["title"].get<std::string>());
    const Folder folder{each["base"].get<std::string>()};
    write_changes(folder, each["files"]);
    const Tokenizer tokenizer = finetune::load_tokenizer(folder.path());
    CHECK(tokenizer.vocabulary_size() == each["rows"].get<std::size_t>());
    if (!each["padding"].is_null()) CHECK(tokenizer.special().padding == each["padding"].get<TokenId>());
    for (const auto& expected : each["texts"]) {
      const auto ids = tokenizer.encode(expected["text"].get<std::string>()).ids;
      CHECK(ids == expected["ids"].get<Ids>());
      CHECK(tokenizer.decode(ids) == expected["decoded"].get<std::string>());
      CHECK(tokenizer.decode(ids, false) == expected["decoded_all"].get<std::string>());
    }
  }
}

TEST_CASE("Tokens, pairs, cuts and decoded texts are Hugging Face's for every kind of folder") {
  const json texts = read_json(fixtures() / "texts.json");
  for (const char* name : {"bert", "bert_cased", "bert_json", "gpt2", "gpt2_json", "roberta", "roberta_json"}) {
    CAPTURE(name);
    const Tokenizer tokenizer = finetune::load_tokenizer(fixtures() / name);
    const json cases = read_json(fixtures() / name / "cases.json");
    REQUIRE(cases["ids"].size() >= texts["written"].get<std::size_t>());
    check_texts(tokenizer, texts, cases);
    check_decoded(tokenizer, cases);
    check_pairs(tokenizer, cases);
  }
}

TEST_CASE("GPT-2's own vocabulary gives Hugging Face's tokens") {
  const std::filesystem::path folder = std::filesystem::path{PST_DATA} / "gpt2_vocab";
  if (!std::filesystem::is_directory(folder)) {
    MESSAGE("Skipped: no folder ", folder.string(), " (CMake variable PST_DATA)");
    return;
  }
  const Tokenizer tokenizer = finetune::load_tokenizer(folder);
  CHECK(tokenizer.vocabulary_size() == 50257);
  CHECK(tokenizer.special().end == 50256);
  CHECK(tokenizer.special().padding == finetune::no_token);
  const json texts = read_json(fixtures() / "texts.json");
  const json expected = read_json(fixtures() / "gpt2_vocabulary.json");
  for (std::size_t i = 0; i < expected["ids"].size(); ++i) {
    CAPTURE(texts["texts"][i].dump());
    const auto ids = tokenizer.encode(texts["texts"][i].get<std::string>()).ids;
    CHECK(ids == expected["ids"][i].get<Ids>());
    CHECK(tokenizer.decode(ids, false) == texts["texts"][i].get<std::string>());
  }
}
