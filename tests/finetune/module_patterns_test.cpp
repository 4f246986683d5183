// SPDX-License-Identifier: Apache-2.0
#include "finetune/model/module_patterns.hpp"

#include <doctest/doctest.h>

#include <pst/core/error.hpp>

using namespace finetune;

namespace {

ModelConfig config_of(Architecture architecture) {
  ModelConfig config;
  config.architecture = architecture;
  config.blocks = 3;
  return config;
}
const std::vector<std::string>& bert() {
  static const std::vector<std::string> names = module_names(config_of(Architecture::bert), false);
  return names;
}

/// The modules that are meant, with spaces between them.
std::string meant(std::string_view include, std::string_view exclude = {}, bool gpt2 = false) {
  const auto names = gpt2 ? module_names(config_of(Architecture::gpt2), false) : bert();
  const ModulePatterns patterns{include, exclude, 3};
  std::string text;
  for (const std::string& name : names)
    if (patterns.matches(name)) text.append(text.empty() ? "" : " ").append(name);
  return text;
}
std::size_t matching(std::string_view include, std::string_view exclude = {}) {
  const ModulePatterns patterns{include, exclude, 3};
  std::size_t found = 0;
  for (const std::string& name : bert()) found += patterns.matches(name) ? 1 : 0;
  return found;
}
std::string refused(std::string_view include, std::string_view exclude = {}) {
  try {
    static_cast<void>(ModulePatterns{include, exclude, 3}.check(bert()));
  } catch (const pst::Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("a pattern is the end of a name behind a dot, with the blocks that are meant") {
  CHECK(matching("") == 25);
  CHECK(
      meant("query") ==
      "encoder.layer.0.attention.self.query encoder.layer.1.attention.self.query encoder.layer.2.attention.self.query");
  CHECK(meant("query@1") == "encoder.layer.1.attention.self.query");
  CHECK(meant("query@last-2") == "encoder.layer.1.attention.self.query encoder.layer.2.attention.self.query");
  CHECK(meant("encoder.layer.0.output.dense") == "encoder.layer.0.output.dense");
  CHECK(meant("bert.encoder.layer.0.output.dense") == "encoder.layer.0.output.dense");
  CHECK(matching("@0-1") == 16);
  CHECK(matching("query,value") == 6);
  CHECK(matching("embeddings.LayerNorm") == 1);
}

TEST_CASE("toolkit test 3: a name is matched at dots alone") {
  CHECK(matching("uery") == 0);
  CHECK(matching("ense") == 0);
  CHECK(matching("put.dense") == 0);
  CHECK(matching("output.dense") == 6);
}

TEST_CASE("a string is an expression of the whole name, with or without the prefix") {
  CHECK(matching("re:.*\\.(query|value)") == 6);
  CHECK(matching("re:query") == 0);
  CHECK(matching("re:bert\\.encoder\\.layer\\.[01]\\..*query") == 2);
  CHECK(matching("re:encoder\\.layer\\.[01]\\..*query") == 2);
}

TEST_CASE("toolkit test 11: what is excluded is taken from what is included") {
  CHECK(matching("query,value", "query@0") == 5);
  CHECK(matching("", "@0-1") == 9);
  CHECK(matching("@last-1", "LayerNorm") == 6);
}

TEST_CASE("architectures share names, which mean one kind of module") {
  CHECK(meant("ff.w2@0") == "encoder.layer.0.output.dense");
  CHECK(meant("attn.proj@0") == "encoder.layer.0.attention.output.dense");
  CHECK(meant("attn.q@0,ff.w2@0", {}, true) == "h.0.attn.c_attn_q h.0.mlp.c_proj");
  CHECK(meant("ff.norm@2", {}, true) == "h.2.ln_2");
  for (const char* name : {"attn.q", "attn.k", "attn.v", "attn.proj", "ff.w1", "ff.w2", "attn.norm", "ff.norm"}) {
    INFO(name);
    CHECK(matching(name) == 3);
    CHECK_FALSE(meant(name, {}, true).empty());
    CHECK(ModulePatterns{name, {}, 3}.check(bert()).empty());
  }
}

TEST_CASE("toolkit test 11: a pattern that matches nothing is refused with the nearest names") {
  CHECK(refused("attention.self.qvery")
            .find("\"attention.self.qvery\" matches no module, expected the name, or the end of one, of one of ") !=
        std::string::npos);
  CHECK(refused("attention.self.qvery").ends_with("; did you mean attention.self.query?"));
  CHECK(refused("query", "score").starts_with("pattern \"score\" matches no module"));
  CHECK(refused("query", "attn.q").starts_with("no module is left"));
}

TEST_CASE("patterns that cannot be read are refused") {
  CHECK(refused("query@3") == "pattern \"query@3\" means blocks 3 to 3, but the model has 3, 0 to 2");
  CHECK(refused("query@last-4") == "pattern \"query@last-4\" means blocks -1 to 2, but the model has 3, 0 to 2");
  CHECK(refused("query@x") ==
        "pattern \"query@x\" names the blocks \"x\", expected a number, two as 0-3, or last-K for the last K");
  CHECK(refused("re:(").starts_with("pattern \"re:(\" is no regular expression: "));
  CHECK(refused("query,") == "a pattern of modules has 0 letters, expected 1 to 200");
  CHECK(refused("query,,value") == "a pattern of modules has 0 letters, expected 1 to 200");
}

TEST_CASE("toolkit test 3: a name that means modules of several kinds says so") {
  const auto remarks = ModulePatterns{"output.dense", {}, 3}.check(bert());
  REQUIRE(remarks.size() == 1);
  CHECK(remarks.front() == "pattern \"output.dense\" matches modules of 2 kinds: attention.output.dense, output.dense");
  CHECK(ModulePatterns{"ff.w2,query,@0", {}, 3}.check(bert()).empty());
}
