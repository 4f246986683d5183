// SPDX-License-Identifier: Apache-2.0
#include "finetune/run/settings.hpp"

#include <pst/core/error.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "finetune/methods/methods.hpp"
#include "finetune/train/recipe.hpp"

using namespace finetune;

namespace {

/// Nothing in it is as by default.
Settings unusual() {
  Settings settings;
  settings.model = "/some where/model";
  settings.task = "rte";
  settings.data = "/data";
  settings.method = {.name = "movement", .sparsity = 0.3, .schedule = "linear", .warmup = 0.2, .cooldown = 0.25};
  settings.method.delta_rank = 3;
  settings.method.score_rank = 5;
  settings.method.beta = 0.1;
  settings.method.scores = "sample-3";
  settings.method.refresh = "until-0.5";
  settings.method.straight_through = "dense";
  settings.method.score_start = 10;
  settings.method.modules = "query@0-3,re:.*key";
  settings.method.exclude = "@last-1";
  settings.method.beside = "norms";
  settings.method.adapter = "parallel";
  settings.method.adapter_width = 7;
  settings.method.adapter_rank = 2;
  settings.method.phm_dim = 8;
  settings.method.phm_rule = "own";
  settings.method.score_factor_start = "kaiming";
  settings.method.weighted_by = "inputs";
  settings.method.rest = "delta";
  settings.rate = 1.0 / 3.0;
  settings.train_embeddings = true;
  settings.seed = std::numeric_limits<std::uint64_t>::max();
  settings.steps = 12345678901;
  settings.patience = 3;
  settings.threads = 7;
  settings.recompute = true;
  return settings;
}

void check_refused(const std::string& text, const std::string& sentence) {
  try {
    static_cast<void>(parse_settings(text, "settings.json"));
    FAIL("accepted: ", text);
  } catch (const pst::Error& error) {
    const std::string said = error.what();
    INFO(said);
    CHECK(said.starts_with("settings.json"));
    CHECK(said.find(sentence) != std::string::npos);
  }
}

/// The text of settings with one field replaced.
std::string with(const char* name, const nlohmann::json& value) {
  nlohmann::json json = nlohmann::json::parse(settings_text(unusual()));
  json[name] = value;
  return json.dump();
}

}  // namespace

TEST_CASE("settings are read as they were written") {
  const Settings settings = unusual();
  const Settings again = parse_settings(settings_text(settings), "settings.json");
  CHECK(settings_text(again) == settings_text(settings));
  CHECK(again.rate == settings.rate);
  CHECK(again.seed == settings.seed);
  CHECK(again.model == settings.model);
  CHECK(difference(settings, again).empty());
}

TEST_CASE("settings of a run that was begun before movement had a start, or blocks were computed again, are read") {
  nlohmann::json json = nlohmann::json::parse(settings_text(unusual()));
  json.erase("score_start");
  json.erase("recompute");
  CHECK(parse_settings(json.dump(), "settings.json").method.score_start == 0);
  CHECK_FALSE(parse_settings(json.dump(), "settings.json").recompute);
}

TEST_CASE("settings of a run that was begun before factors had a start are those of factors from N(0, 1)") {
  Settings newer = unusual();
  newer.method.rest = "kept";
  nlohmann::json json = nlohmann::json::parse(settings_text(newer));
  json.erase("rest");
  json.erase("delta_start");
  json.erase("score_factor_start");
  json.erase("weighted_by");
  CHECK(parse_settings(json.dump(), "settings.json").method.delta_start == "normal");
  CHECK(parse_settings(json.dump(), "settings.json").method.score_factor_start == "normal");
  CHECK(parse_settings(json.dump(), "settings.json").method.weighted_by == "nothing");
  CHECK(parse_settings(json.dump(), "settings.json").method.rest == "delta");
}

TEST_CASE("settings of another run are told apart by their first difference, threads and recompute do not count") {
  Settings settings = unusual();
  settings.threads = 1;
  settings.recompute = false;
  CHECK(difference(unusual(), settings).empty());
  settings.method.alpha2 = 0.5;
  settings.epochs = 1;
  CHECK(difference(unusual(), settings) == "alpha2 = 1.0 there, 0.5 here");
}

TEST_CASE("settings from a stranger are refused with a sentence") {
  check_refused("", "not JSON");
  check_refused("[]", "not the settings of a run");
  check_refused("{}", "not the settings of a run");
  check_refused(R"({"format": 1})", "not the settings of a run");
  check_refused(R"({"format": "pst-finetune settings 1"})", "has no field \"model\"");
  check_refused(std::string(100000, '['), "nested");
  check_refused(with("format", "pst-finetune settings 2"), "not the settings of a run");
  check_refused(with("nonsense", 1), "has the unknown field \"nonsense\"");
  check_refused(with("model", 1), "model is 1, expected text");
  check_refused(with("sparsity", "0.9"), "sparsity is \"0.9\", expected a finite number");
  check_refused(with("sparsity", 1.0), "the sparsity is 1, expected a number of at least 0 and below 1");
  check_refused(with("sparsity", nullptr), "expected a finite number");
  check_refused(with("reference", 1), "reference is 1, expected true or false");
  check_refused(with("batch", -1), "batch is -1, expected a whole number");
  check_refused(with("batch", 1e18), "expected a whole number");
  check_refused(with("batch", 5000000000), "expected a whole number that is not too large");
  check_refused(with("batch", 0), "the batch is 0");
  check_refused(with("delta_rank", 1000000000), "delta_rank is 1000000000, expected 1 to 4096");
  check_refused(with("method", "nonsense"), "there is no method \"nonsense\", expected one of pst,");
  check_refused(with("beside", "all"), "what trains beside is \"all\", expected biases, norms");
  check_refused(with("adapter", "nonsense"), "there is no adapter \"nonsense\", expected one of none, houlsby,");
  check_refused(with("adapter_width", 1 << 20), "the width of adapters is ");
  check_refused(with("adapter_rank", 1 << 20), "the rank of adapters is ");
  check_refused(with("phm_dim", 1 << 20), "phm-dim is ");
  check_refused(with("phm_rule", 3), "phm_rule is 3, expected text");
  check_refused(with("score_start", 1e300), "score_start is 1e+300, expected 0 to 1e6");
  check_refused(with("task", "nonsense"), "there is no task \"nonsense\"");
  check_refused(with("scores", "every-0"), "scores is \"every-0\"");
  check_refused(with("refresh", "never"), "refresh is \"never\"");
  check_refused(with("schedule", "never"), "schedule is \"never\"");
  check_refused(with("straight_through", ""), "straight_through is \"\"");
  check_refused(with("warmup", 0.8), "a cool-down");
  check_refused(with("rate", -1), "the rate is -1, expected a number above 0");
  check_refused(with("rate", 0), "the rate is 0, expected a number above 0");
  check_refused(with("rest", "never"), "what trains at rest is \"never\", expected kept or delta");
  check_refused(with("delta_start", "zero"),
                "the start of factors is \"zero\", expected normal, per-weight or kaiming");
  check_refused(with("threads", 1 << 20), "threads is 1048576");
  check_refused(with("reference", true), "there are adapters (parallel), but --reference is the authors' code");
  Settings reference = unusual();
  reference.reference = true;
  reference.method.adapter = "none";
  reference.method.adapter_width = 0;
  check_refused(settings_text(reference), "modules are chosen, or the mask is kept, but --reference");
  reference.method.modules = "";
  reference.method.exclude = "";
  check_refused(settings_text(reference), "embeddings are to train");
}

TEST_CASE("what the authors' code does not train is refused with it") {
  Settings settings = unusual();
  settings.reference = true, settings.train_embeddings = false;
  settings.method.modules = settings.method.exclude = settings.method.beside = settings.method.adapter = "";
  settings.method.keep_mask = false;
  const auto refusal = [](const Settings& chosen) {
    try {
      check(chosen);
    } catch (const pst::Error& error) {
      return std::string{error.what()};
    }
    return std::string{};
  };
  CHECK(refusal(settings).empty());
  settings.method.beside = "none";
  CHECK(refusal(settings).empty());
  settings.method.beside = "norms";
  CHECK(refusal(settings).starts_with("biases or norms are to train"));
}

TEST_CASE("a rate that is no number is refused") {
  Settings settings = unusual();
  for (const double rate : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    settings.rate = rate;
    CHECK_THROWS_AS(check(settings), pst::Error);
  }
}

TEST_CASE("what the command line does not say is as it was published, or as it was found to work") {
  const auto settings_with = [](auto rule, const std::string& option) {
    Settings settings;
    settings.rate = 0.25;
    rule(settings, [&](const char* name) { return option == name; });
    return settings;
  };
  const Settings published = settings_with(as_published, ""), usual = settings_with(as_usual, "");
  CHECK(published.rate == 3e-4);
  CHECK(published.score_rate == 1);
  CHECK(published.head_rate == 3);
  CHECK(published.rate_warmup == 0);
  CHECK(published.epochs == 3);
  CHECK(published.method.warmup == 0.1);
  CHECK(published.method.cooldown == 0.3);
  CHECK(published.method.delta_start == "normal");
  CHECK(published.method.score_factor_start == "normal");
  CHECK(published.method.weighted_by == "nothing");
  CHECK(published.method.rest == "delta");
  CHECK(usual.rate == method_named("pst").rate);
  CHECK(usual.rate_warmup == 0.06);
  CHECK(usual.epochs == 0);
  CHECK(usual.method.warmup == 0.15);
  CHECK(usual.method.cooldown == 0.5);
  CHECK(usual.method.delta_start == "per-weight");
  CHECK(usual.method.weighted_by == "both");
  CHECK(usual.method.rest == "kept");
  CHECK(settings_with(as_usual, "--rate").rate == 0.25);
  const auto cooldown_beside = [](double warmup) {
    Settings settings;
    settings.method.warmup = warmup;
    as_usual(settings, [](const char* name) { return name == std::string_view{"--warmup"}; });
    return settings.method.cooldown;
  };
  CHECK(cooldown_beside(0) == 0.5);
  CHECK(cooldown_beside(0.5) == doctest::Approx(0.3));
  CHECK(cooldown_beside(2) == 0);
  CHECK(settings_with(as_usual, "--rate-warmup-steps").rate_warmup == 0);
}

TEST_CASE("the paper's recipe sets what the command line does not") {
  const auto with_recipe = [](const char* task, bool is_roberta, const std::string& option) {
    Settings settings;
    settings.task = task;
    settings.rate = 0.25;
    settings.batch = 3;
    const auto given = [&](const char* name) { return option == name; };
    as_published(settings, given);
    apply_recipe(settings, is_roberta, given);
    return settings;
  };
  const Settings glue = with_recipe("sst2", false, "--rate");
  CHECK(glue.rate == 0.25);
  CHECK(glue.batch == 32);
  CHECK(glue.epochs == 20);
  CHECK(glue.max_length == 128);
  CHECK(glue.warmup_steps == 0);
  CHECK(glue.rate_warmup == 0);
  CHECK(glue.method.delta_start == "normal");
  CHECK(glue.method.score_factor_start == "normal");
  CHECK(glue.method.rest == "delta");
  CHECK(with_recipe("rte", true, "--delta-start").method.delta_start == "per-weight");
  CHECK(with_recipe("rte", true, "").epochs == 40);
  CHECK(with_recipe("rte", true, "").batch == 16);
  CHECK(with_recipe("rte", true, "--batch").batch == 3);
  const Settings generation = with_recipe("e2e", false, "");
  CHECK(generation.rate == 1e-4);
  CHECK(generation.max_length == 512);
  CHECK(generation.smoothing == 0.1);
  CHECK(generation.warmup_steps == 500);
  CHECK(with_recipe("e2e", false, "--rate-warmup").warmup_steps == 0);
}
