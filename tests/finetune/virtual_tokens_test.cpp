// SPDX-License-Identifier: Apache-2.0
// Prefixes and prompts in whole models. That adapters train and are stored is in adapter_test.cpp, for these too.
#include <pst/io/checksum.hpp>
#include <pst/io/tensor_file.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <sstream>

#include "common/files.hpp"
#include "finetune/export/branch_text.hpp"
#include "finetune/export/compressed_body.hpp"
#include "finetune/export/fold_branches.hpp"
#include "finetune/export/task_file.hpp"
#include "finetune/generate/generate.hpp"
#include "finetune/inspect/modules.hpp"
#include "finetune/run/trained_run.hpp"
#include "finetune/train/recipe.hpp"
#include "short_training.hpp"
#include "trained_models.hpp"
#include "training_job.hpp"

using namespace finetune;
using namespace finetune::test;
using pst::io::test::error_of;
using pst::io::test::TemporaryDirectory;

namespace {

constexpr index_t tokens = 3;

MethodSettings virtual_method(const std::string& name, const std::string& reparameterisation = "") {
  return {.name = name, .virtual_tokens = tokens, .reparameterisation = reparameterisation};
}
MethodSettings with_positions(MethodSettings method, const std::string& positions, const std::string& pooled = "") {
  method.positions = positions, method.pooled = pooled;
  return method;
}

std::vector<ModelParameter> parameters_of_tokens(Model& model) {
  std::vector<ModelParameter> list;
  for (const ModelParameter& each : model.parameters())
    if (each.part == Part::tokens) list.push_back(each);
  return list;
}

/// What the tests of gradients promise: the arithmetic is in float.
constexpr double float_difference_tolerance = 2e-2;

/// The derivative of the loss by one number.
double slope(Model& model, const Golden& golden, float& number) {
  constexpr float step = 1e-2F;
  const float before = number;
  const auto loss_at = [&](float value) {
    number = value;
    model.refresh(1.0);
    return model.loss(golden.batch(), golden.targets());
  };
  const double above = loss_at(before + step), below = loss_at(before - step);
  number = before;
  return (above - below) / (2.0 * static_cast<double>(step));
}

void check_slopes(Model& model, const Golden& golden) {
  constexpr index_t most = 40;
  for (const ModelParameter& each : parameters_of_tokens(model)) {
    INFO(each.name);
    std::vector<float> found, expected;
    const index_t size = each.parameter.value.size(), stride = std::max<index_t>(1, size / most);
    for (index_t i = 0; i < size; i += stride) {
      found.push_back(each.parameter.grad.data[i]);
      expected.push_back(static_cast<float>(slope(model, golden, each.parameter.value.data[i])));
    }
    CHECK(relative_error(found, expected) < float_difference_tolerance);
    CHECK(std::ranges::any_of(found, [](float number) { return std::abs(number) > 1e-5F; }));
  }
}

}  // namespace

TEST_CASE("virtual tokens of a model train as many numbers as their formula says") {
  const ModelConfig config = read_config(data / "bert");
  const index_t d = config.width, blocks = config.blocks, l = tokens, hidden = 512;
  const auto count = [&](const MethodSettings& method) {
    index_t sum = 0;
    for (const ModelParameter& each : parameters_of_tokens(*adapted(data / "bert", method)))
      sum += each.parameter.value.size();
    return sum;
  };
  CHECK(count(virtual_method("prefix")) == 2 * blocks * l * d);
  CHECK(count(virtual_method("prompt")) == l * d);
  CHECK(count(virtual_method("prefix", "mlp")) == l * d + hidden * (d + 1) + 2 * blocks * d * (hidden + 1));
  CHECK(count(virtual_method("prompt", "mlp")) == l * d + hidden * (d + 1) + d * (hidden + 1));
}

TEST_CASE("the gradients of virtual tokens in a model are finite differences") {
  for (const std::string name : {"bert", "roberta", "gpt2"})
    for (const MethodSettings& method :
         {virtual_method("prefix"), virtual_method("prompt"), virtual_method("prefix", "mlp"),
          with_positions(virtual_method("prompt"), "unchanged", "first-token")}) {
      INFO(name << ", " << method.name << ' ' << method.reparameterisation << ' ' << method.positions);
      const Golden golden{name};
      const auto model = adapted(data / name, method);
      model->begin_step(1, 1);
      static_cast<void>(model->learn(golden.batch(), golden.targets()));
      check_slopes(*model, golden);
    }
}

TEST_CASE("toolkit test 14: the first real token has the position behind the virtual tokens, or the one it had") {
  const std::vector<int> ids{5, 6, 7, 8};
  for (const std::string name : {"bert", "roberta", "gpt2"}) {
    const ModelConfig config = read_config(data / name);
    const int first = name == "roberta" ? static_cast<int>(config.pad_id) + 1 : 0;
    PackedBatch packed;
    const auto positions = [&](const InFront& in_front) {
      pack({.tokens = 2, .ids = ids}, config, packed, in_front);
      return packed.positions;
    };
    CHECK(positions({}) == std::vector<int>{first, first + 1, first, first + 1});
    CHECK(positions({.shift = tokens}) == std::vector<int>{first + 3, first + 4, first + 3, first + 4});
    CHECK(positions({.rows = 2, .shift = 2}) ==
          std::vector<int>{first, first + 1, first + 2, first + 3, first, first + 1, first + 2, first + 3});
    CHECK(positions({.rows = 2}) == std::vector<int>{-1, -1, first, first + 1, -1, -1, first, first + 1});
    CHECK(packed.lengths == std::vector<index_t>{4, 4});
    CHECK(packed.ids == std::vector<int>{-1, -2, 5, 6, -1, -2, 7, 8});
    for (const std::string method : {"prefix", "prompt"}) {
      CHECK(adapted(data / name, virtual_method(method))->config().longest() == config.longest() - tokens);
      const auto unchanged = adapted(data / name, with_positions(virtual_method(method), "unchanged"));
      CHECK(unchanged->config().longest() == config.longest());
    }
  }
}

TEST_CASE("toolkit test 14: the gradient of virtual tokens is not zero after a step") {
  for (const std::string name : {"bert", "roberta", "gpt2"})
    for (const std::string reparameterisation : {"direct", "mlp"})
      for (const std::string method : {"prefix", "prompt"}) {
        INFO(name << ", " << method << ", " << reparameterisation);
        const auto model = trained(data / name, name, virtual_method(method, reparameterisation));
        for (const ModelParameter& each : parameters_of_tokens(*model)) {
          INFO(each.name);
          CHECK(transformer::map(each.parameter.grad).norm() > 0);
        }
      }
}

TEST_CASE("toolkit test 14: what a classifier pools behind a prompt is an option, and makes another model") {
  for (const std::string name : {"bert", "roberta"}) {
    const auto logits = [&](const char* pooled) {
      const auto model = adapted(data / name, with_positions(virtual_method("prompt"), "", pooled));
      model->refresh(1.0);
      return logits_of(*model, name);
    };
    CHECK(logits("") == logits("first-row"));
    CHECK(logits("first-row") != logits("first-token"));
  }
}

TEST_CASE("toolkit test 14: a forward over virtual tokens is what the cache gives token by token") {
  const std::vector<std::vector<int>> prompts{{3, 7, 1, 9}, {4, 2}};
  for (const std::string method : {"prefix", "prompt"})
    for (const std::string positions : {"after", "unchanged"}) {
      INFO(method << ", " << positions);
      const auto model = adapted(data / "gpt2", with_positions(virtual_method(method), positions));
      model->refresh(1.0);
      Cache cache = model->make_cache(2);
      std::vector<int> ids(8, 0);
      std::ranges::copy(prompts[0], ids.begin());
      std::ranges::copy(prompts[1], ids.begin() + 4);
      Matrix next, all;
      model->next_logits({.tokens = 4, .ids = ids, .lengths = std::vector<index_t>{4, 2}}, cache, next);
      std::vector<std::vector<int>> whole = prompts;
      for (int step = 0;; ++step) {
        for (std::size_t s = 0; s < whole.size(); ++s) {
          model->forward({.tokens = static_cast<index_t>(whole[s].size()), .ids = whole[s]}, all);
          CHECK(all.rows() == static_cast<index_t>(whole[s].size()));
          CHECK((all.bottomRows(1) - next.row(static_cast<index_t>(s))).norm() < 1e-5F * next.norm());
        }
        if (step == 3) break;
        const std::vector<int> one{5 + step, 11 + step};
        for (std::size_t s = 0; s < whole.size(); ++s) whole[s].push_back(one[s]);
        model->next_logits({.tokens = 1, .ids = one}, cache, next);
      }
    }
}

TEST_CASE("sentences end where virtual tokens have left no position") {
  for (const std::string method : {"prefix", "prompt"}) {
    const auto model = adapted(data / "gpt2", virtual_method(method));
    model->refresh(1.0);
    const index_t longest = model->config().longest();
    const std::vector<std::vector<int>> prompt{{3, 7}};
    const auto made = generate(*model, prompt, {.max_new_tokens = 100}, 1, {});
    CHECK(static_cast<index_t>(made.at(0).ids.size()) == longest - 2);
    const std::vector<int> ids(static_cast<std::size_t>(longest) + 1, 3);
    Matrix logits;
    CHECK(error_of([&] { model->forward({.tokens = longest + 1, .ids = ids}, logits); }) ==
          "a sequence has 14 tokens, the model reads at most 13 behind its virtual tokens: truncate it");
  }
}

TEST_CASE("virtual tokens that are taken out leave the bits of the model") {
  for (const std::string name : {"bert", "gpt2"})
    for (const std::string method : {"prefix", "prompt"}) {
      const auto model = adapted(data / name, {.name = method == "prefix" ? "frozen" : "lora", .adapter = "none"});
      model->refresh(1.0);
      const std::vector<float> before = logits_of(*model, name);
      const auto placed = virtual_tokens_of(virtual_method(method), model->config().width).value();
      model->put_virtual_tokens(placed, 7);
      const std::vector<float> with = logits_of(*model, name);
      CHECK(with != before);
      model->remove_virtual_tokens();
      CHECK(logits_of(*model, name) == before);
      model->put_virtual_tokens(placed, 7);
      CHECK(logits_of(*model, name) == with);
    }
}

TEST_CASE("a prompt begins as rows of the vocabulary, or as normal numbers") {
  const auto begun = [](const std::string& start) {
    MethodSettings method = virtual_method("prompt");
    method.prompt_start = start;
    return adapted(data / "bert", method);
  };
  const auto words = begun("");
  std::vector<std::vector<float>> rows;
  words->for_each_tensor([&](const TensorPlace& place, const Matrix& value, Layer*) {
    if (!place.name.ends_with("word_embeddings.weight")) return;
    for (index_t row = 0; row < value.rows(); ++row) rows.push_back(numbers(value.row(row)));
  });
  REQUIRE(rows.size() == static_cast<std::size_t>(words->config().vocabulary));
  const Matrix drawn = transformer::map(words->virtual_vectors()),
               normal = transformer::map(begun("normal")->virtual_vectors());
  for (index_t k = 0; k < tokens; ++k) {
    CHECK(std::ranges::find(rows, numbers(drawn.row(k))) != rows.end());
    CHECK(std::ranges::find(rows, numbers(normal.row(k))) == rows.end());
  }
  CHECK(std::abs(normal.squaredNorm() / static_cast<float>(normal.size()) - 1) < 0.5F);
}

TEST_CASE("virtual tokens have a rate of their own, which is the same beside any method") {
  const auto rates = [](const MethodSettings& method) {
    Settings settings;
    settings.method = method;
    as_usual(settings, [](const char*) { return false; });
    return std::array{settings.rate * settings.token_rate, settings.rate, settings.rate * settings.head_rate};
  };
  const auto near = [](double one, double other) { return std::abs(one - other) < 1e-12; };
  for (const char* adapter : {"prefix", "prompt"}) {
    const auto alone = rates({.name = adapter}), from_mlp = rates({.name = adapter, .reparameterisation = "mlp"}),
               beside = rates({.name = "pst", .adapter = adapter}), pst_alone = rates({.name = "pst"});
    CHECK((near(alone[0], 1e-2) && near(beside[0], 1e-2) && near(from_mlp[0], 1e-3)));
    CHECK((near(alone[2], 1e-3) && near(from_mlp[2], 1e-3)));
    CHECK((beside[1] == pst_alone[1] && beside[2] == pst_alone[2] && pst_alone[0] == pst_alone[1]));
  }
  // The first step of Adam moves a number by its rate.
  const MethodSettings method{.name = "pst", .adapter = "prefix", .virtual_tokens = tokens};
  Settings settings = settings_of(method);
  settings.token_rate = 4;
  const auto model = adapted(data / "bert", method);
  const Matrix before = transformer::map(model->virtual_vectors());
  Optimizer optimizer{*model, settings};
  model->begin_step(1, 1);
  static_cast<void>(model->learn(Golden{"bert"}.batch(), Golden{"bert"}.targets()));
  optimizer.step(1.0, 1.0);
  model->refresh(1.0);
  const Matrix moved = transformer::map(model->virtual_vectors()) - before;
  CHECK(static_cast<double>(moved.cwiseAbs().maxCoeff()) == doctest::Approx(4 * settings.rate).epsilon(0.01));
}

TEST_CASE("a run with virtual tokens from an MLP goes on from any state with the same bytes") {
  for (const std::string method : {"prefix", "prompt"}) {
    Job job{method == "prefix" ? "bert" : "gpt2"};
    job.settings.method = virtual_method(method, "mlp");
    job.settings.method.adapter_width = 5;
    job.train("whole");
    const auto state = [&](const char* name) {
      return common::read_file(snapshot_file(job.out(name), Checkpoint::last));
    };
    job.train_until(7, "part");
    job.train("part");
    CHECK(state("part") == state("whole"));
    // The best state is asked as it was saved, without another refresh.
    auto best = load_run(job.out("whole"), Checkpoint::best);
    const Matrix vectors = transformer::map(best.model->virtual_vectors());
    best.model->refresh(1.0);
    CHECK(vectors == transformer::map(best.model->virtual_vectors()));
    CHECK(vectors != transformer::map(load_base(job.settings).loaded.model->virtual_vectors()));
  }
}

TEST_CASE("a task file keeps the vectors of virtual tokens alone, and refuses what does not fit") {
  const TemporaryDirectory folder;
  const fs::path file = folder.path() / "delta";
  const auto model = trained(data / "bert", "bert", virtual_method("prefix", "mlp"));
  export_task_file(*model, file, {.base = data / "bert"}, random_probes(model->config(), 4));
  const auto again = apply_task_file(file, data / "bert");
  CHECK(logits_of(*again, "bert") == logits_of(*densified(*model), "bert"));
  CHECK(parameters_of_tokens(*again).size() == 1);

  const auto opened = pst::io::Safetensors::open(file);
  const pst::io::Metadata metadata{opened.metadata().begin(), opened.metadata().end()};
  const auto refusal = [&](const char* text, bool keeps_tensor) {
    pst::TensorList changed = pst::io::load_tensors(file);
    if (!keeps_tensor)
      std::erase_if(changed, [](const pst::Tensor& each) { return each.name == "bert.prefix.embeddings"; });
    pst::io::Metadata own = metadata;
    own["virtual_tokens"] = text;
    own.erase(pst::io::checksum_field);  // or else every change is found by it
    const fs::path other = folder.path() / "other";
    pst::io::save_tensors(other, changed, own);
    const std::string error = error_of([&] { static_cast<void>(apply_task_file(other, data / "bert")); });
    return error.empty() ? error : error.substr(error.find(": ") + 2);
  };
  const std::string text = metadata.at("virtual_tokens");
  CHECK(text == R"({"place":"prefix","count":3,"positions":"after","pooled":"first-row"})");
  CHECK(refusal(text.c_str(), true).empty());
  CHECK(refusal(text.c_str(), false) == "is not the task file of this base, missing: bert.prefix.embeddings");
  CHECK(refusal(R"({"place":"prefix","count":4,"positions":"after","pooled":"first-row"})", true) ==
        "is not the task file of this base, of another shape or type: bert.prefix.embeddings (expected 4 x 128)");
  CHECK(refusal(R"({"place":"prompt","count":3,"positions":"after","pooled":"first-row"})", true) ==
        "is not the task file of this base, missing: bert.prompt.embeddings");
  for (const char* bad : {"[]", "{}", R"({"place":"here","count":3,"positions":"after","pooled":"first-row"})",
                          R"({"place":"prefix","count":0,"positions":"after","pooled":"first-row"})",
                          R"({"place":"prefix","count":3,"positions":"before","pooled":"first-row"})",
                          R"({"place":"prefix","count":3,"positions":"after","pooled":1})"})
    CHECK(error_of([&] { static_cast<void>(read_tokens(bad, "it")); }).starts_with("it "));
}

TEST_CASE("inspect counts the virtual tokens that train") {
  const auto model = adapted(data / "bert", virtual_method("prompt"));
  const Module root = modules_of(*model, trained_parameters(settings_of(virtual_method("prompt")), model->config()));
  std::ostringstream out;
  print_modules(out, root, 2);
  CHECK(out.str().find("prompt") != std::string::npos);
  const index_t head = 32 * 32 + 32 + model->config().outputs() * 33;
  CHECK(root.trains == tokens * 32 + head);
}

TEST_CASE("what cannot hold virtual tokens refuses them, and settings that fit none are refused") {
  const TemporaryDirectory folder;
  const auto model = adapted(data / "bert", virtual_method("prompt"));
  CHECK(error_of([&] { static_cast<void>(without_branches(*model)); }) ==
        "virtual tokens (a prompt) are no part of a weight, so neither a folder nor an archive can hold them: write a "
        "task file");
  CHECK(error_of([&] { save_model(*model, folder.path() / "out"); }) ==
        "the model has virtual tokens, a prompt, which a folder does not hold: write a task file");
  const auto refused = [](const MethodSettings& method) {
    return error_of([&] { static_cast<void>(virtual_tokens_of(method, 8)); });
  };
  CHECK(refused({.name = "lora", .virtual_tokens = 4}) ==
        "virtual tokens are described (their number, start, positions or what makes them), but there are none: choose "
        "prefix or prompt with --method or --adapter");
  CHECK(refused({.name = "prefix", .pooled = "first-token"}).starts_with("the start of a prompt, or what is pooled"));
  CHECK(refused({.name = "prompt", .positions = "before"}) ==
        "what positions are is \"before\", expected after or unchanged");
  CHECK(refused({.name = "prompt", .reparameterisation = "lstm"}) ==
        "what makes virtual tokens is \"lstm\", expected direct or mlp");
  CHECK(refused({.name = "prompt", .reparameterisation = "mlp", .prompt_start = "vocabulary"})
            .starts_with("the prompt is to begin as words, but it comes from an MLP"));
  CHECK(error_of([&] { static_cast<void>(adapted(data / "bert", {.name = "prefix"})); }) ==
        "there are 20 virtual tokens in front of a sequence, but the model has 16 positions: take fewer, or leave the "
        "positions of the real tokens unchanged");
}
