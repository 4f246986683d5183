// SPDX-License-Identifier: Apache-2.0
// Several tasks on one base in one process.
#include "finetune/export/tasks_on_base.hpp"

#include <pst/io/checksum.hpp>
#include <pst/io/tensor_file.hpp>

#include "finetune/export/task_file.hpp"
#include "finetune/model/fingerprint.hpp"
#include "short_training.hpp"
#include "trained_models.hpp"

using namespace finetune;
using namespace finetune::test;
using pst::io::test::contains;
using pst::io::test::error_of;

namespace {

struct NamedMethod {
  const char* name;
  MethodSettings method;
};
/// Other ranks, scales and modules, masks, kept weights, a weight that trained, and what stands beside weights.
std::vector<NamedMethod> methods_of_tasks() {
  return {{"low-rank", {.name = "lora", .delta_rank = 3}},
          {"other-rank", {.name = "lora", .delta_rank = 2, .beta = 0.4, .modules = "attn.proj,ff.w1"}},
          {"sparse", {.name = "pst", .sparsity = 0.8, .schedule = "constant"}},
          {"half-sparse", {.name = "pst", .sparsity = 0.3, .schedule = "constant", .modules = "ff.w2"}},
          {"biases", {.name = "bitfit"}},
          {"one-block", {.name = "full", .modules = "@last-1"}},
          {"single-weights", {.name = "diff"}},
          {"adapter", {.name = "frozen", .beside = "none", .adapter = "parallel"}},
          {"prefix", {.name = "frozen", .beside = "none", .adapter = "prefix", .virtual_tokens = 3}}};
}

/// The task files of all of them on the model of a fixture.
struct TaskFiles {
  TemporaryDirectory folder;
  std::string name;

  explicit TaskFiles(std::string fixture) : name{std::move(fixture)} {
    for (const NamedMethod& each : methods_of_tasks()) {
      const auto model = trained(data / name, name, each.method);
      if (each.name == std::string{"sparse"}) model->train_kept(1.0);
      if (each.name == std::string{"single-weights"}) model->train_changes(0.05);
      export_task_file(*model, path(each.name), {.base = data / name, .scale = each.method.beta}, {});
    }
  }
  [[nodiscard]] fs::path path(const std::string& task) const { return folder.path() / task; }
  [[nodiscard]] TasksOnBase all() const {
    TasksOnBase tasks{data / name};
    for (const NamedMethod& each : methods_of_tasks()) tasks.add(each.name, path(each.name));
    return tasks;
  }
};

}  // namespace

TEST_CASE(
    "toolkit tests 9 and 12: tasks on one base answer as each alone, in every order, and the base keeps its bits") {
  for (const std::string name : {"bert", "roberta", "gpt2"}) {
    const TaskFiles files{name};
    TasksOnBase tasks = files.all();
    const std::string before = tasks.fingerprint();
    std::map<std::string, std::vector<float>> first;
    for (const NamedMethod& each : methods_of_tasks()) {
      INFO(name << ", " << each.name);
      first[each.name] = logits_of(tasks[each.name], name);
      CHECK(relative_error(first[each.name], logits_of(*apply_task_file(files.path(each.name), data / name), name)) <
            1e-5);
    }
    CHECK(first["low-rank"] != first["other-rank"]);
    const auto list = methods_of_tasks();
    for (auto each = list.rbegin(); each != list.rend(); ++each)
      CHECK(logits_of(tasks[each->name], name) == first[each->name]);
    // Alone, without the others, a task has the same bits.
    TasksOnBase alone{data / name};
    alone.add("low-rank", files.path("low-rank"));
    CHECK(logits_of(alone["low-rank"], name) == first["low-rank"]);
    CHECK(tasks.fingerprint() == before);
    CHECK(alone.fingerprint() == before);
  }
}

TEST_CASE("a task takes what it has of its own, the base is there once") {
  const TaskFiles files{"bert"};
  TasksOnBase tasks = files.all();
  std::size_t all = 0, layers = 0;
  const SharedBase base = load_shared_base(data / "bert", {"no", "yes"}, false);
  base.model->for_each_tensor([&](const TensorPlace&, const Matrix& value, Layer* layer) {
    all += sizeof(float) * static_cast<std::size_t>(value.size());
    if (layer != nullptr) layers += sizeof(float) * static_cast<std::size_t>(value.size());
  });
  CHECK(tasks.base_bytes() > layers);
  // Nothing of a weight's size where none has changed; and the embeddings belong to the base.
  CHECK(tasks.own_bytes("biases") < layers / 2);
  CHECK(tasks.own_bytes("sparse") < tasks.own_bytes("biases") + layers / 2);
  CHECK(tasks.own_bytes("single-weights") < layers);  // in small layers offsets take most
  for (const char* beside : {"low-rank", "single-weights"})
    tasks[beside].for_each_layer([&](Layer& layer) {
      CHECK(layer.weight.size() == 0);
      CHECK(layer.lent.data != nullptr);
    });
  tasks["sparse"].for_each_layer([&](Layer& layer) {
    CHECK(layer.weight.size() == 0);
    CHECK(layer.lent.data == nullptr);
  });
  int dense = 0;
  tasks["half-sparse"].for_each_layer([&](Layer& layer) { dense += layer.weight.size() > 0 ? 1 : 0; });
  CHECK(dense == 2);  // ff.w2 of two blocks, whose zeros are less than half
}

TEST_CASE("a task that is not of the base is refused by name, and the others stay") {
  const TaskFiles files{"bert"};
  TasksOnBase tasks{data / "bert"};
  tasks.add("low-rank", files.path("low-rank"));
  const auto before = logits_of(tasks["low-rank"], "bert");
  const auto refusal = [&](const std::string& name, const fs::path& file) {
    return error_of([&] { tasks.add(name, file); });
  };
  CHECK(contains(refusal("low-rank", files.path("biases")), "there is a task low-rank already"));
  CHECK(contains(refusal("gone", files.path("gone")), "gone"));
  CHECK(error_of([&] { static_cast<void>(tasks["low-rang"]); }) ==
        "there is no task low-rang, expected one of low-rank; did you mean low-rank?");

  const TaskFiles others{"gpt2"};
  CHECK(contains(refusal("gpt2", others.path("biases")), "was made for the base"));
  // The embeddings are those of all tasks: no file may bring others.
  pst::TensorList tensors = pst::io::load_tensors(files.path("biases"));
  auto metadata = pst::io::Safetensors::open(files.path("biases")).metadata();
  metadata.erase(pst::io::checksum_field);
  const std::string words = "bert.embeddings.word_embeddings.weight";
  const SharedBase base = load_shared_base(data / "bert", {"no", "yes"}, false);
  const Matrix table = *plain_tensors(*base.model).at(words);
  tensors.push_back(pst::Tensor::from<float>(words, {table.rows(), table.cols()},
                                             {table.data(), static_cast<std::size_t>(table.size())}));
  std::string& plain = metadata.at("plain");
  plain.insert(1, '"' + words + "\",");
  pst::io::save_tensors(files.path("hostile"), tensors, {metadata.begin(), metadata.end()});
  CHECK(contains(refusal("hostile", files.path("hostile")), "unknown: " + words));
  CHECK(tasks.names() == std::vector<std::string_view>{"low-rank"});
  CHECK(logits_of(tasks["low-rank"], "bert") == before);
}

TEST_CASE("tasks with query, key and value in one layer stand beside others in processes of their own") {
  const TemporaryDirectory folder;
  for (const bool together : {false, true}) {
    const MethodSettings method{.name = "lora", .delta_rank = 3};
    const ModelOptions options{.train_embeddings = false, .together = together};
    const auto model = trained_model("gpt2", method, options);
    export_task_file(*model, folder.path() / (together ? "one" : "three"), {.base = data / "gpt2"}, {});
  }
  TasksOnBase tasks{data / "gpt2"};
  tasks.add("one", folder.path() / "one");
  CHECK(contains(error_of([&] { tasks.add("three", folder.path() / "three"); }),
                 "query, key and value are layers of their own, in the tasks that are there already they are not"));
}
