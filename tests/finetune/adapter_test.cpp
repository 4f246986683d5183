// SPDX-License-Identifier: Apache-2.0
// Adapters and (IA)3 in whole models: what trains, what is stored, and what can be merged.
#include "finetune/methods/adapters.hpp"

#include <pst/io/checksum.hpp>
#include <pst/io/tensor_file.hpp>

#include <cstring>
#include <random>

#include "finetune/export/branch_text.hpp"
#include "finetune/export/compressed_body.hpp"
#include "finetune/export/dense_folder.hpp"
#include "finetune/export/fold_branches.hpp"
#include "finetune/export/lora.hpp"
#include "finetune/export/task_file.hpp"
#include "short_training.hpp"
#include "trained_models.hpp"
#include "training_job.hpp"

using namespace finetune;
using namespace finetune::test;
using pst::io::test::error_of;
using pst::io::test::TemporaryDirectory;

namespace {

index_t count_of(Model& model) {
  index_t count = 0;
  for (const ModelParameter& each : model.parameters())
    if (each.part == Part::branch) count += each.parameter.value.size();
  return count;
}

}  // namespace

TEST_CASE("an adapter trains as many numbers as its formula says") {
  const ModelConfig config = read_config(data / "bert");
  const index_t d = config.width, f = config.hidden, blocks = config.blocks;
  const auto count = [&](const char* name, index_t width) {
    return count_of(*adapted(data / "bert", {.name = name, .adapter_width = width}));
  };
  const auto bottleneck = [&](index_t b) { return blocks * (2 * d * b + b + d); };
  CHECK(count("houlsby", 3) == 2 * bottleneck(3));
  CHECK(count("pfeiffer", 3) == bottleneck(3));
  CHECK(count("parallel", 3) == bottleneck(3));
  CHECK(count("pfeiffer", 0) == bottleneck(d / 16));
  CHECK(count("ia3", 0) == blocks * (2 * d + f));
  const auto factors = [&](index_t b) { return blocks * (2 * (d + b) + b + d); };
  CHECK(count("compacter", 8) == 2 * factors(8) + 64);
  CHECK(count("compacter++", 8) == factors(8) + 64);
  CHECK(count("low-rank", 3) == 2 * factors(3));
  CHECK(count("compacter", 0) == 2 * factors(4) + 64);  // a 32nd of the width, rounded up to a multiple of 4
  const MethodSettings own{
      .name = "compacter++", .adapter_width = 6, .adapter_rank = 2, .phm_dim = 2, .phm_rule = "own"};
  CHECK(count_of(*adapted(data / "bert", own)) == blocks * (2 * (2 * (d + 6) + 8) + 6 + d));
}

TEST_CASE("an adapter of any method trains, and the folder keeps its bits but for what trains beside") {
  for (const std::string name : {"bert", "roberta", "gpt2"})
    for (const std::string method :
         {"houlsby", "pfeiffer", "parallel", "compacter", "compacter++", "low-rank", "ia3", "prefix", "prompt"}) {
      INFO(name << ", " << method);
      const bool has_tokens = method == "prefix" || method == "prompt";
      // wide enough that no token of the batch leaves all of relu's units at zero
      const MethodSettings settings{
          .name = method, .adapter_width = method == "ia3" || has_tokens ? 0 : 8, .virtual_tokens = has_tokens ? 3 : 0};
      const auto model = adapted(data / name, settings);
      std::map<std::string, std::vector<float>> before;
      const auto visit = [&](auto&& each) {
        model->for_each_tensor([&](const TensorPlace& place, const Matrix& value, Layer* layer) {
          if (layer != nullptr) each(place.name + std::to_string(place.part), numbers(value));
        });
      };
      visit([&](const std::string& tensor, const std::vector<float>& values) { before[tensor] = values; });
      model->refresh(0.0);
      const std::vector<float> first = logits_of(*model, name);
      train_shortly(*model, settings_of(settings), Golden{name});
      visit([&](const std::string& tensor, const std::vector<float>& values) {
        CHECK(std::memcmp(values.data(), before.at(tensor).data(), values.size() * sizeof(float)) == 0);
      });
      CHECK(logits_of(*model, name) != first);
      for (const ModelParameter& each : model->parameters()) {
        if (!is_added(each.part)) continue;
        INFO(each.name);
        CHECK_FALSE(transformer::map(each.parameter.grad).isZero(0));
      }
    }
}

TEST_CASE("a task file holds adapters, and gives the same logits bit for bit") {
  const TemporaryDirectory folder;
  for (const std::string name : {"bert", "gpt2"})
    for (const MethodSettings& method : {MethodSettings{.name = "houlsby"},
                                         {.name = "pfeiffer", .adapter_width = 3},
                                         {.name = "parallel"},
                                         {.name = "compacter"},
                                         {.name = "compacter++", .adapter_width = 6, .adapter_rank = 2, .phm_dim = 2},
                                         {.name = "low-rank", .adapter_rank = 2},
                                         {.name = "ia3"},
                                         {.name = "lora", .delta_rank = 3, .adapter = "parallel"},
                                         {.name = "prefix", .virtual_tokens = 2, .positions = "unchanged"},
                                         {.name = "prompt", .virtual_tokens = 2, .pooled = "first-token"},
                                         {.name = "lora", .delta_rank = 3, .adapter = "prompt", .virtual_tokens = 3}}) {
      INFO(name << ", " << method.name << ", " << (method.adapter.empty() ? method.name : method.adapter));
      const fs::path file = folder.path() / "delta";
      const auto model = trained(data / name, name, method);
      export_task_file(*model, file, {.base = data / name, .overwrite = true}, random_probes(model->config(), 4));
      const auto again = apply_task_file(file, data / name);
      CHECK(count_of(*again) == count_of(*model));
      CHECK(logits_of(*again, name) == logits_of(*densified(*model), name));
    }
}

TEST_CASE("PST has an adapter beside it, and a state goes on with the same bits") {
  for (const std::string adapter : {"pfeiffer", "compacter", "low-rank", "prefix", "prompt"}) {
    const MethodSettings method{.name = "pst",
                                .sparsity = 0.8,
                                .schedule = "constant",
                                .adapter = adapter,
                                .virtual_tokens = adapter.starts_with("pr") ? 2 : 0};
    const auto one = trained(data / "bert", "bert", method), two = adapted(data / "bert", method);
    two->restore(one->save());
    for (Model* model : {one.get(), two.get()}) model->refresh(1.0);
    CHECK(logits_of(*one, "bert") == logits_of(*two, "bert"));
    index_t kept = 0, all = 0;
    two->for_each_layer([&](Layer& layer) { kept += layer.layer.kept(), all += layer.weight.size(); });
    CHECK(kept < all / 4);
  }
}

TEST_CASE(
    "a run with factors goes on from any state with the same bytes, for any threads, blocks kept or computed again") {
  for (const char* method : {"compacter", "low-rank"}) {
    Job job{"bert"};
    job.settings.method = {.name = method, .adapter_rank = 2};
    job.train("whole");
    const auto state = [&](const char* name) {
      return common::read_file(snapshot_file(job.out(name), Checkpoint::last));
    };
    job.train_until(7, "part");
    job.settings.recompute = true;
    job.train("part");
    CHECK(state("part") == state("whole"));
    job.settings.threads = 1;
    job.train("alone");
    CHECK(state("alone") == state("whole"));
  }
}

TEST_CASE("a model shows a shared rule once, and scales of (IA)3 alone have no decay among adapters") {
  const auto model = adapted(data / "bert", {.name = "compacter", .beside = "none"});
  CHECK(std::ranges::count(model->parameters(), "bert.adapter.rule", &ModelParameter::name) == 1);
  Settings settings = settings_of({.name = "low-rank", .beside = "none"});
  settings.weight_decay = 0.1;
  for (const char* name : {"low-rank", "ia3"}) {
    settings.method.name = name;
    const auto decaying = adapted(data / "bert", settings.method);
    Optimizer optimizer{*decaying, settings};
    decaying->begin_step(1, 1);
    Matrix before;
    const auto first = [&](const auto& use) {
      for (const ModelParameter& each : decaying->parameters())
        if (each.part == Part::branch && each.parameter.value.rows == 1 &&
            each.parameter.group != pst::ParameterGroup::bias)
          return use(transformer::map(each.parameter.value));
    };
    first([&](const auto& value) { before = value; });
    optimizer.step(1.0, 1.0);  // without a gradient, decay alone moves
    first([&](const auto& value) { CHECK((value == before) == (settings.method.name == "ia3")); });
  }
}

TEST_CASE("dense and compressed models keep their branches and virtual tokens") {
  for (const MethodSettings& method : {MethodSettings{.name = "houlsby"},
                                       {.name = "compacter"},
                                       {.name = "low-rank"},
                                       {.name = "prefix", .virtual_tokens = 3, .reparameterisation = "mlp"},
                                       {.name = "prompt", .virtual_tokens = 3}}) {
    const auto model = trained(data / "bert", "bert", method);
    const std::vector<float> expected = logits_of(*model, "bert");
    CHECK(relative_error(logits_of(*densified(*model), "bert"), expected) < 1e-5);
    CHECK(relative_error(logits_of(*compressed(*model), "bert"), expected) < 1e-5);
  }
}

TEST_CASE("(IA)3 is merged into its weights and biases, and keeps the zeros of a sparse model") {
  for (const std::string name : {"bert", "gpt2"})
    for (const bool together : {false, true}) {
      INFO(name << ", " << together);
      const MethodSettings method{.name = "ia3"};
      auto model =
          load_model(data / name, {.train_embeddings = false, .together = together}, method_layers(method, 5)).model;
      std::mt19937_64 random{3};
      model->for_each_layer([&](Layer& layer) {
        for (index_t i = 0; i < layer.weight.size(); ++i)
          if (random() % 2 == 0) layer.weight.data()[i] = 0;
      });
      model->put_branches(branches_of(method, model->config().width), 5);
      train_shortly(*model, settings_of(method), Golden{name});
      const auto merged = without_branches(*model);
      CHECK(merged->branches().empty());
      CHECK(relative_error(logits_of(*merged, name), logits_of(*model, name)) < 1e-5);
      const auto before = count_zeros(*model), after = count_zeros(*merged);
      for (std::size_t i = 0; i < before.size(); ++i) CHECK(before[i].zeros == after[i].zeros);
    }
}

TEST_CASE("what cannot hold a bottleneck refuses it") {
  const TemporaryDirectory folder;
  const auto model = adapted(data / "bert", {.name = "houlsby"});
  CHECK(error_of([&] { static_cast<void>(without_branches(*model)); }) ==
        "the branch after_attention is no part of a weight, so neither a folder nor an archive can hold it: write a "
        "task file");
  CHECK(error_of([&] { save_model(*model, folder.path() / "out"); }) ==
        "the model has a branch called after_attention, which a folder does not hold: write a task file");
  CHECK(error_of([&] { static_cast<void>(branches_of({.adapter = "huolsby"}, 8)); }) ==
        "there is no adapter \"huolsby\", expected one of none, houlsby, pfeiffer, parallel, compacter, compacter++, "
        "low-rank, "
        "ia3, prefix, prompt; did you mean houlsby?");
  CHECK(error_of([&] { static_cast<void>(branches_of({.name = "ia3", .adapter_width = 4}, 8)); }) ==
        "the width of adapters is 4, but there is no bottleneck: choose one with --adapter");
}

TEST_CASE("settings that an adapter does not use, and parts that do not divide, are refused") {
  const auto refused = [](const MethodSettings& settings) {
    return error_of([&] { static_cast<void>(branches_of(settings, 384)); });
  };
  CHECK(refused({.name = "houlsby", .adapter_rank = 2}) ==
        "the rank of adapters is 2, but the adapter is houlsby, which has none: leave it out, or choose compacter, "
        "compacter++ or low-rank");
  for (const MethodSettings& settings :
       {MethodSettings{.name = "low-rank", .phm_dim = 4}, {.name = "low-rank", .phm_rule = "own"}})
    CHECK(refused(settings) ==
          "the parts (phm-dim) or the rule of Kronecker products are chosen, but the adapter is low-rank, which has "
          "none: leave them out, or choose compacter or compacter++");
  CHECK(refused({.name = "compacter", .adapter_width = 6}) ==
        "Kronecker products have 4 parts, the model has a width of 384 and the adapter of 6, expected multiples of 4: "
        "choose another --phm-dim or --adapter-width");
  CHECK(refused({.name = "compacter", .phm_dim = 5}).starts_with("Kronecker products have 5 parts, the model has"));
  CHECK(refused({.name = "compacter", .phm_rule = "mine"}) ==
        "the rule of Kronecker products is \"mine\", expected shared or own");
  CHECK(refused({.name = "compacter", .phm_dim = 3, .phm_rule = "own"}).empty());
}

TEST_CASE("a task file with factors that do not fit their branches is refused with the whole list") {
  const TemporaryDirectory folder;
  const fs::path file = folder.path() / "delta";
  const auto model = trained(data / "bert", "bert", {.name = "compacter++", .adapter_width = 8});
  export_task_file(*model, file, {.base = data / "bert"}, random_probes(model->config(), 4));
  const auto opened = pst::io::Safetensors::open(file);
  const pst::io::Metadata metadata{opened.metadata().begin(), opened.metadata().end()};
  const auto refused = [&](const std::string& from, const std::string& to, const char* without = "") {
    pst::TensorList tensors = pst::io::load_tensors(file);
    std::erase_if(tensors, [&](const pst::Tensor& tensor) { return tensor.name == without; });
    pst::io::Metadata own = metadata;
    std::string& text = own["branches"];
    if (const std::size_t at = text.find(from); !from.empty() && at != std::string::npos)
      text.replace(at, from.size(), to);
    own.erase(pst::io::checksum_field);
    own[pst::io::checksum_field] = pst::io::checksum_of(tensors);
    pst::io::save_tensors(folder / "other", tensors, own);
    return error_of([&] { static_cast<void>(apply_task_file(folder / "other", data / "bert")); });
  };
  CHECK(refused("", "").empty());
  CHECK(refused("\"width\":8", "\"width\":16")
            .ends_with("bert.encoder.layer.0.adapter.after_feed_forward.down.right (expected 4 rows of 4), "
                       "bert.encoder.layer.1.adapter.after_feed_forward.down.right (expected 4 rows of 4)"));
  CHECK(refused("\"width\":8", "\"width\":60000").find("expected at most the 32 of the model") != std::string::npos);
  CHECK(refused("\"parts\":4", "\"parts\":3").find("down.right (expected 3 rows of 2)") != std::string::npos);
  CHECK(refused("\"rank\":1", "\"rank\":2").find("down.left (expected at least 32 rows of 2)") != std::string::npos);
  CHECK(refused("\"rule\":\"shared\"", "\"rule\":\"own\"")
            .find("missing: bert.encoder.layer.0.adapter.after_feed_forward.down.rule") != std::string::npos);
  CHECK(refused("", "", "bert.adapter.rule").find("missing: bert.adapter.rule") != std::string::npos);
}

TEST_CASE("branches as text read back as the same, and nothing else is read") {
  for (const AdapterInfo& info : adapters()) {
    const auto branches = branches_of({.adapter = std::string{info.name}}, 48);
    const std::string text = branches_text(branches);
    CHECK(branches_text(read_branches(text, "it")) == text);
  }
  const std::string own = branches_text(branches_of({.adapter = "compacter", .phm_rule = "own"}, 48));
  CHECK(branches_text(read_branches(own, "it")) == own);
  for (
      const char* text :
      {"{}", "[1]", R"([{"place":"keys"}])", R"([{"place":"here","kind":"rescale"}])",
       R"([{"place":"keys","kind":"bottleneck"}])",
       R"([{"place":"keys","kind":"rescale"},{"place":"keys","kind":"rescale"}])",
       R"([{"place":"keys","kind":"bottleneck","width":0,"scale":1,"activation":"relu"}])",
       R"([{"place":"keys","kind":"bottleneck","width":4,"scale":1,"activation":"tanh"}])",
       R"([{"place":"keys","kind":"bottleneck","width":4,"scale":1,"activation":"relu","projection":"low-rank"}])",
       R"([{"place":"keys","kind":"bottleneck","width":4,"scale":1,"activation":"relu","projection":"x","rank":1}])",
       R"([{"place":"keys","kind":"bottleneck","width":4,"scale":1,"activation":"relu","projection":"kronecker","rank":1,"parts":0,"rule":"own"}])",
       R"([{"place":"keys","kind":"bottleneck","width":4,"scale":1,"activation":"relu","projection":"kronecker","rank":1,"parts":2}])"})
    CHECK(error_of([&] { static_cast<void>(read_branches(text, "it")); }).starts_with("it "));
}

TEST_CASE("several adapters stand beside one another where their places differ, and a task file holds them") {
  const TemporaryDirectory folder;
  for (const std::string name : {"bert", "gpt2"}) {
    const fs::path file = folder.path() / name;
    const MethodSettings method{
        .name = "frozen", .beside = "none", .adapter = "prefix,parallel,ia3", .adapter_width = 4, .virtual_tokens = 3};
    const auto model = trained(data / name, name, method);
    CHECK(model->branches().size() == 4);
    CHECK(model->virtual_tokens().has_value());
    export_task_file(*model, file, {.base = data / name}, {});
    CHECK(relative_error(logits_of(*apply_task_file(file, data / name), name), logits_of(*model, name)) < 1e-5);
  }
  const auto refusal = [](const std::string& adapters) {
    return error_of([&] { static_cast<void>(adapted(data / "bert", {.name = "frozen", .adapter = adapters})); });
  };
  CHECK(refusal("houlsby,low-rank") ==
        "the adapters houlsby,low-rank have two branches in one place, after_attention: choose some that stand in "
        "different ones");
  CHECK(refusal("ia3,ia3") == "the adapter ia3 is there twice");
  CHECK(refusal("prefix,prompt") == "adapters are prefix,prompt: virtual tokens are a prefix or a prompt, choose one");
  CHECK(refusal("ia3,none") == "adapters are ia3,none: none is no adapter beside others, leave it out");
  CHECK(refusal("ia3,").find("there is no adapter") != std::string::npos);
}
