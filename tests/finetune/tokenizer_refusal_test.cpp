// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "finetune/tokenizer/tokenizer.hpp"
#include "finetune/tokenizer_files.hpp"

#include <pst/core/error.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

using tokenizer_test::Folder;
using tokenizer_test::json;

namespace {

/// What loading `folder` fails with; empty if it does not.
std::string refusal(const Folder& folder) {
  try {
    static_cast<void>(finetune::load_tokenizer(folder.path()));
  } catch (const pst::Error& error) {
    return error.what();
  }
  return "";
}

void check_refused(const Folder& folder, std::string_view reason) {
  const std::string found = refusal(folder);
  CAPTURE(reason);
  CAPTURE(found);
  CHECK(found.find(reason) != std::string::npos);
}

struct Change {
  std::function<void(json&)> make;
  const char* reason;
};

/// Each change alone makes the file `name` of the fixture `fixture` one that is refused for its reason.
void check_changes(std::string_view fixture, const char* name, const std::vector<Change>& changes) {
  const Folder folder{fixture};
  const json original = tokenizer_test::read_json(folder.path() / name);
  REQUIRE(refusal(folder).empty());
  for (const auto& change : changes) {
    json changed = original;
    change.make(changed);
    folder.write(name, changed.dump());
    check_refused(folder, change.reason);
  }
}

/// Each text alone as the file `name` is refused for its reason.
void check_texts(std::string_view fixture, const char* name,
                 const std::vector<std::pair<std::string, const char*>>& texts) {
  const Folder folder{fixture};
  for (const auto& [text, reason] : texts) {
    folder.write(name, text);
    check_refused(folder, reason);
  }
}

}  // namespace

TEST_CASE("A folder without a tokenizer is refused") {
  const Folder folder;
  check_refused(folder, "has no tokenizer.json, no vocab.txt and no vocab.json");
  folder.write("vocab.json", "{}");
  check_refused(folder, "has a vocab.json and no merges.txt");
  CHECK_THROWS_WITH_AS(static_cast<void>(finetune::load_tokenizer(folder.path() / "none")),
                       doctest::Contains("is no folder"), pst::Error);
}

TEST_CASE("A vocab.txt that is not whole is refused") {
  check_texts("bert", "vocab.txt",
              {{"", "lacks the unknown token \"[UNK]\""},
               {"[UNK]\n[SEP]\n", "lacks the cls_token \"[CLS]\""},
               {"[CLS]\n[UNK]\n", "lacks the sep_token \"[SEP]\""},
               {"[CLS]\n[SEP]\nthe\n", "lacks the unknown token \"[UNK]\""},
               {"[CLS]\n[SEP]\n\xFF\n", "is not UTF-8"},
               {"[CLS]\n" + std::string(5000, 'x') + "\n", "has 5000 bytes, expected at most 4096"}});
}

TEST_CASE("A vocab.json or merges.txt that is not whole is refused") {
  check_changes("gpt2", "vocab.json",
                {{[](json& v) { v.erase("A"); }, "lacks \"A\", the symbol of byte 65"},
                 {[](json& v) { v["A"] = v["B"]; }, "both have the id"},
                 {[](json& v) { v["A"] = -1; }, "the token \"A\" has the id \"-1\""},
                 {[](json& v) { v["A"] = 1.5; }, "the token \"A\" has the id \"1.5\""},
                 {[](json& v) { v["A"] = 4194304; }, "expected one below 4194304"},
                 {[](json& v) { v["A"] = "1"; }, "expected a whole number"},
                 {[](json& v) { v = json::array(); }, "is array, expected an object"}});
  check_texts(
      "gpt2", "vocab.json",
      {{"", "is not JSON"}, {"{\"a\":0,\"a\":1}", "gives the key \"a\" twice"}, {"{\"\xFF\":0}", "is not UTF-8"}});
  check_texts("gpt2", "merges.txt",
              {{"#version: 0.2\na b c\n", "line 2 is \"a b c\", expected two tokens"},
               {"ab\n", "line 1 is \"ab\""},
               {"Q Z\n", "needs the token \"QZ\", which the vocabulary lacks"},
               {"QZ a\n", "needs the token \"QZ\""},
               {"h e\nh e\n", "a second time"},
               {std::string("h\0 e\n", 5), "needs the token"}});
}

TEST_CASE("A tokenizer_config.json that asks for more is refused") {
  check_changes("bert", "tokenizer_config.json",
                {{[](json& c) { c["tokenizer_class"] = "T5Tokenizer"; }, "has the class \"T5Tokenizer\""},
                 {[](json& c) { c["do_lower_case"] = 1; }, "\"do_lower_case\" is number, expected true or false"},
                 {[](json& c) { c["do_basic_tokenize"] = false; }, "\"do_basic_tokenize\" is false"},
                 {[](json& c) { c["unk_token"] = "[NONE]"; }, "lacks the unknown token \"[NONE]\""},
                 {[](json& c) {
                    c["pad_token"] = {{"lstrip", true}};
                  },
                  "lacks its \"content\""},
                 {[](json& c) { c["pad_token"] = 3; }, "is number, expected an object"},
                 {[](json& c) { c["extra_special_tokens"] = "x"; }, "is string, expected an array"},
                 {[](json& c) {
                    c["added_tokens_decoder"] = {{"x", {{"content", "y"}}}};
                  },
                  "\"x\" is no id"},
                 {[](json& c) {
                    c["added_tokens_decoder"] = {{"7", {{"content", "[CLS]"}}}};
                  },
                  "has the id 7, and 2"},
                 {[](json& c) {
                    c["added_tokens_decoder"] = {{"7", {{"content", "new"}}}};
                  },
                  "has the id 7 of the token"},
                 {[](json& c) {
                    c["added_tokens_decoder"] = {{"2000000000", {{"content", "new"}}}};
                  },
                  "below 4194304"},
                 {[](json& c) { c = 3; }, "is number, expected an object"}});
  check_changes(
      "roberta", "tokenizer_config.json",
      {{[](json& c) { c["add_bos_token"] = true; }, "\"add_bos_token\" is \"true\", which is not supported"}});
}

TEST_CASE("An added_tokens.json that does not go with the vocabulary is refused") {
  check_texts(
      "bert", "added_tokens.json",
      {{"{\"new\": -1}", "\"new\" is \"-1\", expected a whole number from 0 on"},
       {"{\"new\": null}", "the token \"new\" has the id \"null\""},
       {"{\"new\": 4194304}", "the token \"new\" has the id \"4194304\", expected a whole number below 4194304"},
       {"{\"new\": 7}", "has the id 7 of the token"},
       {"{\"the\": 7}", "The added token \"the\" has the id 7, and 271 in the vocabulary: expected the same"},
       {"[]", "is array, expected an object"},
       {"{\"new\": 620, \"new\": 621}", "gives the key \"new\" twice"}});
}

TEST_CASE("A WordPiece tokenizer.json with something else in it is refused by name") {
  const std::string types = "expected TemplateProcessing, BertProcessing, RobertaProcessing or ByteLevel";
  check_changes("bert_json", "tokenizer.json",
                {{[](json& t) { t["model"]["type"] = "Unigram"; }, "has the type \"Unigram\", which is not supported"},
                 {[](json& t) { t.erase("model"); }, "lacks the member \"model\""},
                 {[](json& t) { t["model"].erase("vocab"); }, "lacks the member \"vocab\""},
                 {[](json& t) { t["model"]["vocab"] = json::array(); }, "expected an object"},
                 {[](json& t) { t["model"]["unk_token"] = "?!"; }, "lacks the unknown token \"?!\""},
                 {[](json& t) { t["model"]["unk_token"] = ""; }, "lacks the unknown token \"\""},
                 {[](json& t) { t["model"]["max_input_chars_per_word"] = -3; }, "expected a whole number from 0 on"},
                 {[](json& t) { t["normalizer"]["type"] = "NFKC"; }, "\"normalizer\" has the type \"NFKC\""},
                 {[](json& t) { t["pre_tokenizer"]["type"] = "Metaspace"; }, "has the type \"Metaspace\""},
                 {[](json& t) { t["pre_tokenizer"] = nullptr; }, "lacks the member \"pre_tokenizer\""},
                 {[](json& t) { t["decoder"]["type"] = "BPEDecoder"; }, "has the type \"BPEDecoder\""},
                 {[](json& t) { t["decoder"]["prefix"] = "@@"; }, "\"prefix\" is \"@@\""},
                 {[](json& t) { t["post_processor"]["type"] = "Sequence"; }, types.c_str()},
                 {[](json& t) { t["post_processor"]["sep"] = "x"; }, "expected a token and its id"},
                 {[](json& t) { t["post_processor"]["sep"][1] = -4; }, "is no id"},
                 {[](json& t) { t["added_tokens"][0]["id"] = 3; }, "has the id 3, and 0 in the vocabulary"},
                 {[](json& t) { t["added_tokens"][0].erase("id"); }, "has no \"id\""},
                 {[](json& t) { t["added_tokens"] = 1; }, "expected an array"},
                 {[](json& t) { t["added_tokens"][5]["id"] = 9; }, "has the id 9 of the token"}});
}

TEST_CASE("A byte-level BPE tokenizer.json with something else in it is refused by name") {
  check_changes("roberta_json", "tokenizer.json",
                {{[](json& t) {
                    t["normalizer"] = {{"type", "NFC"}};
                  },
                  "expected none with byte-level BPE"},
                 {[](json& t) { t["pre_tokenizer"]["use_regex"] = false; }, "\"use_regex\" is false"},
                 {[](json& t) { t["pre_tokenizer"]["type"] = "Sequence"; }, "has the type \"Sequence\""},
                 {[](json& t) { t["model"]["dropout"] = 0.1; }, "\"dropout\" is \"0.1\", which is not supported"},
                 {[](json& t) { t["model"]["ignore_merges"] = true; }, "\"ignore_merges\" is \"true\""},
                 {[](json& t) { t["model"]["byte_fallback"] = true; }, "\"byte_fallback\""},
                 {[](json& t) { t["model"]["end_of_word_suffix"] = "</w>"; }, "\"end_of_word_suffix\""},
                 {[](json& t) { t["model"].erase("merges"); }, "lacks the member \"merges\""},
                 {[](json& t) { t["model"]["merges"] = "x"; }, "expected an array"},
                 {[](json& t) {
                    t["model"]["merges"][0] = {"a", "b", "c"};
                  },
                  "is no merge"},
                 {[](json& t) { t["model"]["merges"][0] = "abc"; }, "is no merge"},
                 {[](json& t) {
                    t["model"]["merges"][0] = {"Q", "Z"};
                  },
                  "needs the token \"QZ\""}});
}

TEST_CASE("A template that does not hold each text once is refused") {
  const auto template_of = [](json pair, json specials = json::object()) {
    const json single = {{{"Sequence", {{"id", "A"}, {"type_id", 0}}}}};
    return json{{"type", "TemplateProcessing"}, {"single", single}, {"pair", pair}, {"special_tokens", specials}};
  };
  const json a = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
  const json b = {{"Sequence", {{"id", "B"}, {"type_id", 1}}}};
  const json x = {{"SpecialToken", {{"id", "x"}, {"type_id", 0}}}};
  check_changes("bert_json", "tokenizer.json",
                {{[&](json& t) { t["post_processor"] = template_of(json::array({a})); }, "has A 1 times and B 0 times"},
                 {[&](json& t) {
                    t["post_processor"] = template_of({a, b, b});
                  },
                  "has A 1 times and B 2 times"},
                 {[&](json& t) {
                    t["post_processor"] = template_of({a, b, x});
                  },
                  "lacks the member \"x\""},
                 {[&](json& t) {
                    t["post_processor"] = template_of({a, b, x}, {{"x", {{"ids", {"y"}}}}});
                  },
                  "is no id"},
                 {[&](json& t) {
                    t["post_processor"] = template_of({a, b, 3});
                  },
                  "expected an object"},
                 {[&](json& t) { t["post_processor"] = template_of(json::array_t(17, a)); }, "at most 16 parts"}});
}

TEST_CASE("A length that leaves no room for the special tokens is refused") {
  const auto tokenizer = finetune::load_tokenizer(tokenizer_test::fixtures() / "bert");
  CHECK(tokenizer.encode("the dog", 2).ids == std::vector<finetune::TokenId>{2, 3});
  CHECK_THROWS_WITH_AS(static_cast<void>(tokenizer.encode("the dog", 1)),
                       doctest::Contains("The maximal length is 1, expected at least 2"), pst::Error);
  CHECK_THROWS_WITH_AS(static_cast<void>(tokenizer.encode("a", "b", 2)), doctest::Contains("expected at least 3"),
                       pst::Error);
}

TEST_CASE("Files cut at any byte are refused or read, and never crash") {
  for (const auto& [fixture, name] :
       {std::pair{"bert_json", "tokenizer.json"}, {"gpt2", "merges.txt"}, {"bert", "vocab.txt"}}) {
    const Folder folder{fixture};
    const std::string whole = pst::io::test::read_text(folder.path() / name);
    for (std::size_t size = 0; size < whole.size(); size += 1 + whole.size() / 150) {
      folder.write(name, std::string_view{whole}.substr(0, size));
      static_cast<void>(refusal(folder));
    }
    CHECK(whole.size() > 1000);
  }
}
