// SPDX-License-Identifier: Apache-2.0
#include "finetune/methods/methods.hpp"

#include <pst/optim/adamw.hpp>

#include <algorithm>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <utility>

#include "finetune/methods/method_options.hpp"
#include "finetune/train/parameters.hpp"
#include "trained_models.hpp"

using namespace finetune;
using namespace finetune::test;

namespace {

LoadedModel load(const MethodSettings& settings, std::uint64_t seed = 1) {
  return load_model(data / "bert", {}, method_layers(settings, seed));
}

std::vector<pst::Parameter<float>> parameters_of(Model& model) {
  std::vector<pst::Parameter<float>> list;
  for (const ModelParameter& each : model.parameters()) list.push_back(each.parameter);
  return list;
}

/// So many steps of AdamW on everything, then the last mask. Returns the losses.
std::vector<double> train(Model& model, const Golden& golden, int steps) {
  const auto parameters = parameters_of(model);
  pst::AdamW<float> optimizer{{.learning_rate = 1e-2, .group_rates = {.score = 10}}};
  std::vector<double> losses;
  for (int step = 0; step < steps; ++step) {
    model.begin_step(step, steps);
    losses.push_back(model.learn(golden.batch(), golden.targets()));
    optimizer.step(parameters);
  }
  model.begin_step(steps, steps);
  return losses;
}

double sparsity_of(Model& model) {
  index_t kept = 0, all = 0;
  model.for_each_layer([&](Layer& layer) {
    kept += layer.layer.kept();
    all += layer.weight.size();
  });
  return 1 - static_cast<double>(kept) / static_cast<double>(all);
}

}  // namespace

TEST_CASE(
    "every method begins with the dense model, or masking with a part of it, and ends with the sparsity that is asked "
    "for") {
  const Golden golden{"bert"};
  const LoadedModel dense = load_model(data / "bert", {}, transformer::dense_layers<float>());
  dense.model->begin_step(0, 1);
  const std::vector<float> expected = logits_of(*dense.model, golden);
  for (const MethodInfo& info : methods()) {
    INFO(info.name);
    const LoadedModel loaded = load({.name = std::string{info.name}, .sparsity = 0.75, .penalty = 1e-3});
    loaded.model->begin_step(0, 1);
    if (info.has_target) CHECK(relative_error(logits_of(*loaded.model, golden), expected) < 1e-5);
    CHECK(std::abs(sparsity_of(*loaded.model) - (info.has_target ? 0 : 0.05)) < 0.01);
    const std::vector<double> losses = train(*loaded.model, golden, 12);
    CHECK(losses.back() < losses.front());
    if (info.name != "soft-movement" && info.has_target)
      CHECK(sparsity_of(*loaded.model) == (info.is_sparse ? 0.75 : 0));
  }
}

TEST_CASE("soft movement prunes more the higher its penalty is") {
  const Golden golden{"bert"};
  double before = 0;
  for (const double penalty : {1.0, 1e4}) {
    const LoadedModel loaded = load({.name = "soft-movement", .penalty = penalty});
    train(*loaded.model, golden, 30);
    CHECK(sparsity_of(*loaded.model) > before);
    before = sparsity_of(*loaded.model);
  }
  CHECK(penalty_for(0.95) > penalty_for(0.9));
}

TEST_CASE("a method trains what its description says") {
  const std::map<std::string_view, std::set<std::string>> expected{
      {"pst", {"delta.U", "delta.V", "score.A", "score.B", "score.R", "score.C", "bias"}},
      {"pst-ab", {"delta.U", "delta.V", "score.A", "score.B", "bias"}},
      {"pst-rc", {"delta.U", "delta.V", "score.R", "score.C", "bias"}},
      {"magnitude", {"weight", "bias"}},
      {"movement", {"weight", "score.S", "bias"}},
      {"soft-movement", {"weight", "score.S", "bias"}},
      {"masking", {"score.S"}},
      {"full", {"weight", "bias"}},
      {"lora", {"delta.U", "delta.V", "bias"}},
      {"dora", {"delta.U", "delta.V", "delta.m", "bias"}},
      {"diff", {"delta.w", "delta.gate"}},
      {"frozen", {"bias"}},
      {"bitfit", {"bias"}},
      {"norms", {}},
      {"intrinsic", {}},
      {"houlsby", {}},
      {"pfeiffer", {}},
      {"parallel", {}},
      {"compacter", {}},
      {"compacter++", {}},
      {"low-rank", {}},
      {"ia3", {}},
      {"prefix", {}},
      {"prompt", {}}};
  REQUIRE(expected.size() == methods().size());
  for (const MethodInfo& info : methods()) {
    INFO(info.name);
    const LoadedModel loaded = load({.name = std::string{info.name}, .delta_rank = 3, .score_rank = 5});
    std::set<std::string> found;
    const std::string layer = "bert.encoder.layer.0.attention.self.query.";
    for (const ModelParameter& each : loaded.model->parameters()) {
      if (!each.name.starts_with(layer)) continue;
      found.insert(each.name.substr(layer.size()));
      if (each.name.ends_with("delta.U")) CHECK(each.parameter.value.cols == 3);
      if (each.name.ends_with("score.B")) CHECK(each.parameter.value.rows == 5);
    }
    CHECK(found == expected.at(info.name));
  }
}

TEST_CASE("a state of a method goes on with the same bits") {
  const Golden golden{"bert"};
  for (const MethodInfo& info : methods()) {
    INFO(info.name);
    const MethodSettings settings{.name = std::string{info.name}, .scores = "sample-2", .refresh = "every-2"};
    const LoadedModel one = load(settings), two = load(settings);
    train(*one.model, golden, 5);
    two.model->restore(one.model->save());
    for (Model* model : {one.model.get(), two.model.get()}) {
      model->begin_step(3, 4);
      static_cast<void>(model->learn(golden.batch(), golden.targets(), {.dropout_seed = 5}));
    }
    const auto ours = parameters_of(*one.model), theirs = parameters_of(*two.model);
    for (std::size_t i = 0; i < ours.size(); ++i)
      CHECK(transformer::map(ours[i].grad) == transformer::map(theirs[i].grad));
  }
}

TEST_CASE("an intrinsic dimension trains one vector for all weights, and nothing else of the blocks") {
  const auto counted = [](const MethodSettings& method) {
    const LoadedModel loaded = load_model(data / "bert", {.train_embeddings = false}, method_layers(method, 1));
    index_t vector = 0, others = 0;
    for (const ModelParameter& each : loaded.model->parameters()) {
      if (each.part == Part::shared) vector += each.parameter.value.size();
      if (each.part == Part::layer) others += each.parameter.value.size();
    }
    return std::pair{vector, others};
  };
  const index_t layers = 6 * read_config(data / "bert").blocks;
  CHECK(counted({.name = "intrinsic"}) == std::pair<index_t, index_t>{2000, 0});
  CHECK(counted({.name = "intrinsic", .dimension = 30, .said = true}) == std::pair<index_t, index_t>{30, layers});
  CHECK_THROWS_WITH_AS(static_cast<void>(method_layers({.name = "intrinsic", .beside = "biases"}, 1)),
                       "biases are to train, but with --method intrinsic those of linear layers rest: choose --beside "
                       "norms or none",
                       pst::Error);
  const LoadedModel loaded = load({.name = "intrinsic", .dimension = 30});
  for (const ModelParameter& each : loaded.model->parameters())
    if (each.part == Part::shared) each.parameter.value.data[3] = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_WITH_AS(loaded.model->begin_step(1, 2),
                       "the vector of all layers: intrinsic.z is nan at row 0, column 3, expected finite numbers",
                       pst::Error);
}

TEST_CASE("a model has layers of different methods, and trains") {
  const Golden golden{"bert"};
  const auto choose = [](const std::string& name) {
    return pst::read_spec(name.find("attention") != std::string::npos ? "lora bias=trained"
                                                                      : "pst sparsity=0.75 bias=trained");
  };
  const LoadedModel loaded = load_model(data / "bert", {}, transformer::layers_by_name<float>(choose));
  const std::vector<double> losses = train(*loaded.model, golden, 12);
  CHECK(losses.back() < losses.front());
  loaded.model->for_each_layer([](Layer& layer) {
    INFO(layer.name);
    const bool in_attention = layer.name.find("attention") != std::string::npos;
    CHECK(4 * layer.layer.kept() == (in_attention ? 4 : 1) * layer.weight.size());
    CHECK(layer.layer.layout().entries.size() == (in_attention ? 3 : 7));
  });
}

TEST_CASE("settings that no method has are refused by name") {
  for (const MethodSettings& settings : {MethodSettings{.name = "prune"},
                                         {.sparsity = 1.0},
                                         {.sparsity = -0.1},
                                         {.schedule = "steep"},
                                         {.warmup = 1.0},
                                         {.delta_rank = 0},
                                         {.score_rank = 5000},
                                         {.alpha1 = -1},
                                         {.scores = "sometimes"},
                                         {.refresh = "every-0"},
                                         {.straight_through = "none"},
                                         {.weighted_by = "outputs"},
                                         {.delta_start = "zero"},
                                         {.score_factor_start = "zero"},
                                         {.threshold = -1},
                                         {.masked = 0},
                                         {.name = "masking", .keep_mask = true},
                                         {.gate_penalty = -1},
                                         {.name = "diff", .keep_mask = true}})
    CHECK_THROWS_AS(static_cast<void>(method_layers(settings, 1)), pst::Error);
}

TEST_CASE("toolkit test 15: an option changes what is learnt with just the methods that it is said to be for") {
  const Golden golden{"bert"};
  const std::map<std::string_view, void (*)(MethodSettings&)> changes{
      {"--sparsity", [](MethodSettings& settings) { settings.sparsity = 0.5; }},
      {"--schedule", [](MethodSettings& settings) { settings.schedule = "linear"; }},
      {"--warmup", [](MethodSettings& settings) { settings.warmup = 0.4; }},
      {"--cooldown", [](MethodSettings& settings) { settings.cooldown = 0; }},
      {"--refresh", [](MethodSettings& settings) { settings.refresh = "every-4"; }},
      {"--straight-through", [](MethodSettings& settings) { settings.straight_through = "dense"; }},
      {"--weighted-by", [](MethodSettings& settings) { settings.weighted_by = "nothing"; }},
      {"--scores", [](MethodSettings& settings) { settings.scores = "rest-0"; }},
      {"--delta-rank", [](MethodSettings& settings) { settings.delta_rank = 3; }},
      {"--beta", [](MethodSettings& settings) { settings.beta = 0.5; }},
      {"--score-rank", [](MethodSettings& settings) { settings.score_rank = 3; }},
      {"--delta-start", [](MethodSettings& settings) { settings.delta_start = "kaiming"; }},
      {"--score-factor-start", [](MethodSettings& settings) { settings.score_factor_start = "kaiming"; }},
      {"--alpha1", [](MethodSettings& settings) { settings.alpha1 = 0; }},
      {"--alpha2", [](MethodSettings& settings) { settings.alpha2 = 0; }},
      {"--penalty", [](MethodSettings& settings) { settings.penalty = 1e4; }},
      {"--score-start", [](MethodSettings& settings) { settings.score_start = 10; }},
      {"--threshold", [](MethodSettings& settings) { settings.threshold = 0.1; }},
      {"--dimension", [](MethodSettings& settings) { settings.dimension = 30; }},
      {"--said", [](MethodSettings& settings) { settings.said = true; }},
      {"--gate-penalty", [](MethodSettings& settings) { settings.gate_penalty = 1; }},
      {"--masked", [](MethodSettings& settings) { settings.masked = 0.3; }}};
  for (const MethodInfo& info : methods()) {
    const MethodSettings settings{.name = std::string{info.name}, .sparsity = 0.8, .penalty = 10};
    const auto learnt = [&](const MethodSettings& chosen, int steps) {
      const LoadedModel loaded = load(chosen);
      train(*loaded.model, golden, steps);
      std::vector<float> values;
      for (const pst::Parameter<float>& each : parameters_of(*loaded.model))
        for (const float value : numbers(transformer::map(each.value))) values.push_back(value);
      return values;
    };
    // What an option does may show late; what none of the others does is looked for in few steps, of all at once.
    const int most = info.name == "soft-movement" ? 36 : 8, few = 4;
    const std::vector<float> expected = learnt(settings, most);
    MethodSettings unused = settings;
    std::string names_of_unused;
    for (const MethodOption& option : method_options()) {
      INFO(info.name, " ", std::string{option.name});
      constexpr std::array not_of_layers{"--score-rate", "--fused", "--rest", "--gated-part", "--kept-share"};
      if (std::ranges::find(not_of_layers, std::string_view{option.name}) != not_of_layers.end()) continue;
      REQUIRE(changes.contains(option.name));
      if (std::ranges::find(option.methods, info.name) == option.methods.end()) {
        changes.at(option.name)(unused);
        names_of_unused += std::string{option.name} + ' ';
        continue;
      }
      MethodSettings changed = settings;
      changes.at(option.name)(changed);
      CHECK(learnt(changed, most) != expected);
    }
    INFO(info.name, " ", names_of_unused);
    CHECK(learnt(unused, few) == learnt(settings, few));
  }
}

TEST_CASE("an option that the method does not use is refused where it is given") {
  const auto refuse = [](const char* method, std::string_view option, bool keeps_mask = false) {
    try {
      refuse_unused_options(method, keeps_mask, [&](const char* name) { return name == option; });
    } catch (const pst::Error& error) {
      return std::string{error.what()};
    }
    return std::string{};
  };
  CHECK(refuse("magnitude", "--delta-rank") ==
        "--delta-rank is given, but --method magnitude does not use it, expected it with pst, pst-ab, pst-rc, lora, "
        "dora: "
        "leave it out, or choose one of these");
  for (const char* option : {"--sparsity", "--schedule", "--rest", "--scores", "--alpha1", "--straight-through"})
    CHECK(refuse("pst", option, true) ==
          std::string{option} +
              " and --keep-mask are given, but --method pst does not use it where the mask is that of "
              "the folder: leave one of them out");
  CHECK(refuse("pst", "--delta-rank", true).empty());
  CHECK(refuse("lora", "--beta", true).empty());
  CHECK(refuse("lora", "--sparsity", true).starts_with("--sparsity is given, but --method lora"));
  for (const MethodOption& option : method_options())
    for (const MethodInfo& info : methods()) {
      INFO(info.name, " ", std::string{option.name});
      const bool is_used = std::ranges::find(option.methods, info.name) != option.methods.end();
      CHECK(refuse(info.name.data(), option.name).empty() == is_used);
      if (option.name == std::string_view{"--score-rate"}) {
        const auto parameters = parameters_of(*load({.name = std::string{info.name}}).model);
        CHECK(is_used == std::ranges::any_of(parameters, [](const pst::Parameter<float>& each) {
                return each.group == pst::ParameterGroup::score;
              }));
      }
    }
  CHECK(refuse("full", "--rate").empty());
}

TEST_CASE("what trains is what the settings say") {
  const LoadedModel loaded = load({});
  Settings settings;
  const auto parts = [&] {
    std::set<std::string> names;
    for (const auto& [name, count] : count_parameters(*loaded.model, settings).parts) names.insert(name);
    return names;
  };
  CHECK(parts() == std::set<std::string>{"factors of the update", "scores", "biases", "norms", "pooler", "head"});
  settings.train_embeddings = true;
  CHECK(parts().contains("embeddings"));
  settings.train_embeddings = false;
  settings.reference = true;
  CHECK(parts() == std::set<std::string>{"factors of the update", "scores"});
  // (r1 + r2) (out + in) + out + in for each of the layers of both blocks: width 32, hidden 48
  CHECK(count_parameters(*loaded.model, settings).trainable == 2 * 17 * (4 * 64 + 2 * 80));
  CHECK(Optimizer{*loaded.model, settings}.trainable() == 2 * 17 * (4 * 64 + 2 * 80));
}

TEST_CASE("the learning rate follows the schedules of transformers") {
  Settings settings;
  CHECK(rate_scale(settings, 0, 10) == 1.0);
  CHECK(rate_scale(settings, 9, 10) == doctest::Approx(0.1));
  settings.warmup_steps = 4;  // get_linear_schedule_with_warmup(optimizer, 4, 10)
  CHECK(rate_scale(settings, 0, 10) == 0.0);
  CHECK(rate_scale(settings, 1, 10) == 0.25);
  CHECK(rate_scale(settings, 4, 10) == 1.0);
  CHECK(rate_scale(settings, 7, 10) == 0.5);
  settings.rate_schedule = "constant";
  CHECK(rate_scale(settings, 7, 10) == 1.0);
  settings.warmup_steps = 0;
  settings.rate_warmup = 0.5;
  CHECK(rate_scale(settings, 1, 10) == doctest::Approx(0.2));
}
