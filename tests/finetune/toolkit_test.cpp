// SPDX-License-Identifier: Apache-2.0
// What toolkits for delta tuning have got wrong, by the numbers of a list that CONTRIBUTING.md has; the others of them
// stand beside what they are about.
#include <nlohmann/json.hpp>

#include "common/files.hpp"
#include "finetune/export/dense_folder.hpp"
#include "finetune/export/fold_branches.hpp"
#include "finetune/export/task_file.hpp"
#include "finetune/model/module_patterns.hpp"
#include "finetune/train/parameters.hpp"
#include "short_training.hpp"
#include "trained_models.hpp"

using namespace finetune;
using namespace finetune::test;
using pst::io::test::contains;
using pst::io::test::error_of;

namespace {

/// A method that needs nothing to be said but its name, as far as the small fixtures can have it.
MethodSettings small_method(const MethodInfo& info) {
  MethodSettings settings{.name = std::string{info.name}, .sparsity = 0.5, .schedule = "constant"};
  if (has_virtual_tokens(settings)) settings.virtual_tokens = 3;
  return settings;
}

}  // namespace

TEST_CASE("toolkit test 1: a merged model answers as the one it was merged from, and the base still gives that one") {
  for (const std::string name : {"bert", "roberta", "gpt2"})
    for (const MethodSettings& method : {MethodSettings{.name = "lora", .delta_rank = 3},
                                         {.name = "lora", .delta_rank = 2, .beta = 0.3},
                                         {.name = "pst", .sparsity = 0.6, .schedule = "constant"},
                                         {.name = "bitfit"},
                                         {.name = "diff"},
                                         {.name = "ia3"}}) {
      INFO(name << ", " << method.name);
      const TemporaryDirectory folder;
      const fs::path file = folder.path() / "delta", merged = folder.path() / "merged";
      const auto model = trained(data / name, name, method);
      if (method.name == "diff") model->train_changes(0.1);
      const std::vector<float> before = logits_of(*model, name);
      export_task_file(*model, file, {.base = data / name, .scale = method.beta}, {});
      const auto of_file = apply_task_file(file, data / name);
      const std::vector<float> unmerged = logits_of(*of_file, name);
      CHECK(relative_error(unmerged, before) < 1e-5);
      export_folder(*without_branches(*of_file), merged, {}, {});
      const auto again = load_model(merged, {.train_embeddings = false}, transformer::dense_layers<float>()).model;
      again->refresh(1.0);
      CHECK(relative_error(logits_of(*again, name), before) < 1e-5);
      CHECK(logits_of(*apply_task_file(file, data / name), name) == unmerged);
    }
}

TEST_CASE("toolkit test 4: the table of words, which is GPT-2's head too, is no module that a delta is put on") {
  const ModelConfig config = read_config(data / "gpt2");
  const ModulePatterns words{"wte", "", config.blocks};
  CHECK(contains(error_of([&] { static_cast<void>(words.check(module_names(config, false))); }), "wte"));
  const TemporaryDirectory folder;
  const auto model = trained(data / "gpt2", "gpt2", {.name = "lora", .delta_rank = 2});
  export_folder(*model, folder.path() / "out", {}, {});
  const auto file = pst::io::Safetensors::open(folder.path() / "out" / "model.safetensors");
  CHECK(file.find("transformer.wte.weight") != nullptr);
  CHECK(file.find("lm_head.weight") == nullptr);
  const auto written = nlohmann::json::parse(common::read_file(folder.path() / "out" / "config.json"));
  CHECK(written.value("tie_word_embeddings", true));
}

TEST_CASE(
    "toolkit test 15: the default of every method trains something inside each architecture, or says that it does "
    "not") {
  for (const std::string name : {"bert", "roberta", "gpt2"})
    for (const MethodInfo& info : methods()) {
      INFO(name << ", " << info.name);
      const Settings settings = settings_of(small_method(info));
      const auto model = adapted(data / name, settings.method);
      const auto trains = trained_parameters(settings, model->config());
      index_t inside = 0;
      for (const ModelParameter& each : model->parameters())
        if (each.part != Part::pooler && each.part != Part::head && trains(each)) inside += each.parameter.value.size();
      CHECK((inside > 0) == (info.name != "frozen" || settings.method.beside != "none"));
    }
}

TEST_CASE("toolkit test 15: what is put beside the layers and taken out again leaves the bits of the model") {
  for (const std::string name : {"bert", "roberta", "gpt2"})
    for (const AdapterInfo& adapter : adapters()) {
      if (adapter.name == "none") continue;
      INFO(name << ", " << adapter.name);
      const auto model = adapted(data / name, {.name = "lora", .delta_rank = 2});
      model->refresh(1.0);
      const std::vector<float> before = logits_of(*model, name);
      MethodSettings method{.name = "lora", .delta_rank = 2, .adapter = std::string{adapter.name}};
      if (has_virtual_tokens(method)) method.virtual_tokens = 3;
      put_adapter(*model, method, 7);
      model->begin_step(1, 3);
      static_cast<void>(model->learn(Golden{name}.batch(), Golden{name}.targets()));
      model->remove_branches();
      model->remove_virtual_tokens();
      model->refresh(1.0);
      CHECK(logits_of(*model, name) == before);
    }
}
