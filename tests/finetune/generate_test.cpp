// SPDX-License-Identifier: Apache-2.0
#include "finetune/generate/generate.hpp"

#include "finetune/generate/end_tokens.hpp"

#include <fstream>
#include <map>
#include <numeric>

#include <nlohmann/json.hpp>

#include "model_data.hpp"
#include "small_tokenizers.hpp"

using namespace finetune;
using namespace finetune::test;

namespace {

using json = nlohmann::json;

/// What transformers generates; made by make/generation.py.
json expected() {
  std::ifstream file{data / "generation" / "cases.json"};
  return json::parse(file);
}

std::unique_ptr<Model> dense_model(const std::string& folder) {
  auto model = load_model(data / folder, {}, transformer::dense_layers<float>()).model;
  model->begin_step(0, 1);
  return model;
}

GenerationSettings settings_of(const json& given, index_t max_new_tokens, const json& end) {
  GenerationSettings made;
  made.max_new_tokens = max_new_tokens;
  made.ends = end.is_array() ? end.get<std::vector<int>>() : std::vector<int>{end.get<int>()};
  made.beams = given.value("num_beams", 1);
  made.length_penalty = given.value("length_penalty", 1.0);
  made.no_repeat_ngram = given.value("no_repeat_ngram_size", 0);
  const json early = given.value("early_stopping", json(false));
  made.early_stopping = early == "never"                      ? EarlyStopping::never
                        : early.is_boolean() && early == true ? EarlyStopping::yes
                                                              : EarlyStopping::no;
  return made;
}

}  // namespace

TEST_CASE("greedy and beam search find the sentences of transformers, with their scores") {
  int ended = 0;
  const json all = expected();
  for (const json& of_model : all["models"]) {
    const auto model = dense_model(of_model["folder"]);
    const auto prompts = of_model["prompts"].get<std::vector<std::vector<int>>>();
    for (const json& each : of_model["cases"]) {
      CAPTURE(each["settings"].dump());
      const auto settings = settings_of(each["settings"], each["max_new_tokens"], of_model["end"]);
      for (const std::size_t at_once : {1U, 2U, 8U}) {
        const auto found = generate(*model, prompts, settings, at_once);
        REQUIRE(found.size() == prompts.size());
        for (std::size_t i = 0; i < prompts.size(); ++i) {
          CAPTURE(i);
          CHECK(found[i].ids == each["ids"][i].get<std::vector<int>>());
          CHECK(found[i].score == doctest::Approx(each["scores"][i].get<double>()).epsilon(1e-4));
          ended += is_end(settings, found[i].ids.back()) ? 1 : 0;
        }
      }
    }
  }
  CHECK(ended > 100);
}

TEST_CASE("A text ends where generation_config.json says, or config.json, or the tokenizer, in this order") {
  const TemporaryDirectory folder;
  const Tokenizer tokenizer = small_tokenizer("gpt2");
  ModelConfig config = read_config(data / "gpt2");
  const auto ends = [&] { return end_tokens(folder.path(), config, tokenizer); };
  const auto write = [&](const char* text) { std::ofstream{folder.path() / "generation_config.json"} << text; };
  CHECK(ends() == std::vector<int>{39});
  config.json["eos_token_id"] = {7, 8, 7};
  CHECK(ends() == std::vector<int>{7, 8});
  write(R"({"eos_token_id": [5, 6]})");
  CHECK(ends() == std::vector<int>{5, 6});
  write(R"({"eos_token_id": 3})");
  CHECK(ends() == std::vector<int>{3});
  for (const char* silent : {R"({"do_sample": true})", R"({"eos_token_id": null})", R"({"eos_token_id": [50256]})"}) {
    write(silent);
    CHECK(ends() == std::vector<int>{7, 8});
  }
  config.json["eos_token_id"] = nullptr;
  CHECK(ends() == std::vector<int>{tokenizer.special().end});
  write(R"({"eos_token_id": ["a"]})");
  CHECK_THROWS_WITH_AS(static_cast<void>(ends()), doctest::Contains("generation_config.json: eos_token_id is"),
                       pst::Error);
}

TEST_CASE("what may be drawn, and how likely, is what transformers' warpers leave") {
  const json drawn = expected()["drawn"];
  const auto logits = drawn["logits"].get<std::vector<float>>();
  for (const json& each : drawn["cases"]) {
    GenerationSettings settings;
    settings.temperature = each["temperature"];
    settings.top_k = each["top_k"];
    settings.top_p = each["top_p"];
    std::vector<std::pair<double, int>> tokens;
    drawable(logits, settings, tokens);
    REQUIRE(tokens.size() == each["ids"].size());
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      CHECK(tokens[i].second == each["ids"][i]);
      CHECK(tokens[i].first == doctest::Approx(each["probabilities"][i].get<double>()).epsilon(1e-4));
    }
  }
}

TEST_CASE("equal scores: the lower token is taken, and all that equal the last of the top k may be drawn") {
  std::vector<float> scores{1.0F, 3.0F, 2.0F, 3.0F, 2.0F, 0.0F};
  CHECK(likeliest(scores) == 1);
  GenerationSettings settings;
  settings.top_k = 3;
  std::vector<std::pair<double, int>> tokens;
  drawable(scores, settings, tokens);
  REQUIRE(tokens.size() == 4);
  CHECK(tokens[0].second == 1);
  CHECK(tokens[1].second == 3);
  CHECK(tokens[2].second == 2);
  CHECK(tokens[3].second == 4);
  settings.top_p = 0.01;
  drawable(scores, settings, tokens);
  CHECK(tokens.size() == 1);

  settings = {};
  settings.beams = 2;
  settings.max_new_tokens = 2;
  const std::vector<int> prompt{0};
  BeamSearch search{prompt, settings};
  NextTokens next;
  Matrix logits = Matrix::Zero(1, 4);
  search.step(logits, next);
  CHECK(next.tokens == std::vector<int>{0, 1});
  CHECK(next.from == std::vector<index_t>{0, 0});
  logits.setZero(2, 4);
  next = {};
  search.step(logits, next);
  CHECK(next.tokens.empty());
  CHECK(search.result().ids == std::vector<int>{0, 0});
}

TEST_CASE("repeats are banned from what would be the end of them on") {
  const std::vector<int> ids{1, 2, 3, 1, 2};
  std::vector<float> scores(5, 0.0F);
  const auto banned = [&](index_t ngram) {
    std::ranges::fill(scores, 0.0F);
    ban_repeats(ids, ngram, scores);
    std::vector<int> found;
    for (int token = 0; token < 5; ++token)
      if (scores[static_cast<std::size_t>(token)] < 0) found.push_back(token);
    return found;
  };
  CHECK(banned(0).empty());
  CHECK(banned(1) == std::vector<int>{1, 2, 3});
  CHECK(banned(2) == std::vector<int>{3});
  CHECK(banned(3) == std::vector<int>{3});
  CHECK(banned(4).empty());
  CHECK(banned(6).empty());
}

TEST_CASE("what is drawn depends on the seed and the prompt, not on the prompts beside it") {
  const auto model = dense_model("generation");
  const std::vector<std::vector<int>> prompts{{3}, {1, 2, 3, 4}, {3}, {9, 9}};
  GenerationSettings settings;
  settings.max_new_tokens = 30;
  settings.sample = true;
  settings.temperature = 1.5;
  const auto ids = [&](std::size_t at_once) {
    std::vector<std::vector<int>> made;
    for (const Continuation& each : generate(*model, prompts, settings, at_once)) made.push_back(each.ids);
    return made;
  };
  const auto one = ids(1);
  CHECK(ids(4) == one);
  CHECK(one[0] != one[2]);
  settings.seed = 2;
  CHECK(ids(1) != one);
}

TEST_CASE("tokens are drawn as often as they are likely") {
  GenerationSettings settings;
  settings.max_new_tokens = 20000;
  settings.sample = true;
  settings.top_k = 3;
  const std::vector<int> prompt{0};
  const auto search = make_search(prompt, 0, settings);
  NextTokens next;
  for (int i = 0; i < 20000; ++i) {
    Matrix logits(1, 4);
    logits << 0.0F, std::log(3.0F), std::log(6.0F), -1.0F;
    search->step(logits, next);
  }
  std::array<double, 4> share{};
  for (const int token : search->result().ids) share.at(static_cast<std::size_t>(token)) += 1.0 / 20000;
  CHECK(share[0] == doctest::Approx(0.1).epsilon(0.05));
  CHECK(share[1] == doctest::Approx(0.3).epsilon(0.05));
  CHECK(share[2] == doctest::Approx(0.6).epsilon(0.05));
  CHECK(share[3] == 0.0);
}

TEST_CASE("a sentence is never longer than the model can read with its prompt") {
  const auto model = dense_model("gpt2");
  GenerationSettings settings = paper_generation();
  settings.no_repeat_ngram = 0;
  settings.max_new_tokens = 1000;
  const std::vector<std::vector<int>> prompts{{1, 2, 3}, std::vector<int>(15, 4)};
  const auto made = generate(*model, prompts, settings);
  CHECK(made[0].ids.size() == 13);
  CHECK(made[1].ids.size() == 1);
}

TEST_CASE("finished prompts are counted, and a search that is stopped gives them") {
  const auto model = dense_model("gpt2");
  GenerationSettings settings;
  settings.max_new_tokens = 2;
  const std::vector<std::vector<int>> prompts(5, std::vector<int>{1});
  std::vector<std::size_t> told;
  const auto whole = generate(*model, prompts, settings, 2, [&](std::size_t done) {
    told.push_back(done);
    return true;
  });
  CHECK(told == std::vector<std::size_t>{0, 2, 2, 4, 4, 5});
  std::size_t asked = 0;
  const auto some = generate(*model, prompts, settings, 2, [&](std::size_t) { return ++asked < 3; });
  for (std::size_t i = 0; i < 5; ++i) CHECK(some[i].ids == (i < 2 ? whole[i].ids : std::vector<int>{}));
}

TEST_CASE("wrong settings and prompts, and damaged models, are refused with a sentence") {
  const auto model = dense_model("gpt2");
  const auto refused = [&](const std::vector<std::vector<int>>& prompts, const GenerationSettings& settings,
                           const char* text) {
    CHECK_THROWS_WITH_AS(static_cast<void>(generate(*model, prompts, settings)), text, pst::Error);
  };
  refused({{1}, {}}, {}, "prompt 2 has 0 tokens, expected 1 to 15, because the model reads at most 16");
  refused({std::vector<int>(16, 1)}, {},
          "prompt 1 has 16 tokens, expected 1 to 15, because the model reads at most 16");
  refused({{40}}, {}, "token 0 has id 40, expected 0 to 39 for transformer.wte.weight");
  refused({{1}}, {.beams = 0}, "there are 0 beams, expected 1 to 1000");
  refused({{1}}, {.beams = 2, .sample = true}, "tokens are drawn with 2 beams, expected 1: beams are not drawn");
  refused({{1}}, {.max_new_tokens = 0}, "max_new_tokens is 0, expected at least 1");
  refused({{1}}, {.temperature = 0}, "temperature is 0, expected a number above 0");
  refused({{1}}, {.top_p = 1.5}, "top_p is 1.5, expected a number above 0, up to 1");
  refused({{1}}, {.length_penalty = std::nan("")}, "length_penalty is nan, expected a finite number");
  refused({{1}}, {.no_repeat_ngram = -1}, "no_repeat_ngram is -1, expected 0 or more");
  model->for_each_tensor([](const TensorPlace& place, Matrix& value, Layer*) {
    if (place.name == "transformer.ln_f.weight") value(0, 0) = std::nanf("");
  });
  for (const index_t beams : {1, 4})
    CHECK_THROWS_WITH_AS(static_cast<void>(generate(*model, std::vector<std::vector<int>>{{1}}, {.beams = beams})),
                         doctest::Contains("its weights are damaged, or its training diverged"), pst::Error);
}

TEST_CASE("a search in which every token repeats others ends, or says so") {
  GenerationSettings settings;
  settings.no_repeat_ngram = 1;
  const std::vector<int> prompt{0, 1, 2};
  for (const index_t beams : {1, 2}) {
    settings.beams = beams;
    NextTokens next;
    Matrix logits = Matrix::Zero(1, 3);
    CHECK_THROWS_WITH_AS(make_search(prompt, 0, settings)->step(logits, next),
                         "no token is left that does not repeat others: allow longer repeats", pst::Error);
  }
}
