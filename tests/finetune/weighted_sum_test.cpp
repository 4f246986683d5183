// SPDX-License-Identifier: Apache-2.0
#include "finetune/export/weighted_sum.hpp"

#include <vector>

#include "finetune/export/base_folder.hpp"
#include "finetune/export/task_file.hpp"
#include "short_training.hpp"
#include "trained_models.hpp"

using namespace finetune;
using namespace finetune::test;
using pst::io::test::contains;
using pst::io::test::error_of;

namespace {

/// Writes the task files a (LoRA of rank 3), b (LoRA of rank 2, another scale) and c (a mask and an update).
struct ThreeTasks {
  TemporaryDirectory folder;
  std::vector<std::unique_ptr<Model>> models;

  explicit ThreeTasks(const std::string& name) {
    const std::vector<MethodSettings> methods{
        {.name = "lora", .delta_rank = 3},
        {.name = "lora", .delta_rank = 2, .beta = 0.4, .modules = "attn.proj,ff.w1", .beside = "biases"},
        {.name = "pst", .sparsity = 0.6, .schedule = "constant"}};
    for (const MethodSettings& method : methods) {
      models.push_back(trained(data / name, name, method));
      static_cast<void>(export_task_file(*models.back(), file(models.size() - 1),
                                         {.base = data / name, .scale = method.beta},
                                         random_probes(models.back()->config(), 4)));
    }
  }
  [[nodiscard]] fs::path file(std::size_t task) const { return folder.path() / std::to_string(task); }
};

}  // namespace

TEST_CASE("toolkit test 10: a sum of tasks is that of what they changed, without cross terms, with any sign") {
  for (const std::string name : {"bert", "gpt2"}) {
    const ThreeTasks tasks{name};
    const std::vector<double> weights{0.7, -1.5, 2.0};
    std::vector<WeightedTask> all;
    for (std::size_t i = 0; i < weights.size(); ++i) all.push_back({tasks.file(i), weights[i]});
    const auto sum = weighted_sum(all, data / name);
    const SharedBase base = load_shared_base(data / name, sum->config().labels, sum->encoder().config.together);
    std::map<std::string, Matrix> expected;
    base.model->for_each_layer([&](Layer& layer) { expected[layer.name] = layer.weight; });
    for (std::size_t i = 0; i < weights.size(); ++i) {
      std::map<std::string, Matrix> start;
      base.model->for_each_layer([&](Layer& layer) { start[layer.name] = layer.weight; });
      tasks.models[i]->for_each_layer([&](Layer& layer) {
        Matrix own;
        layer.export_weight(own);
        expected[layer.name] += static_cast<float>(weights[i]) * (own - start[layer.name]);
      });
    }
    sum->for_each_layer([&](Layer& layer) {
      CAPTURE(layer.name);
      CHECK((layer.weight - expected[layer.name]).cwiseAbs().maxCoeff() < 2e-6F);
    });
    // Biases and the head as well: a sum of twice the half of one task is that task.
    const auto same = weighted_sum(std::vector<WeightedTask>{{tasks.file(1), 0.5}, {tasks.file(1), 0.5}}, data / name);
    CHECK(relative_error(logits_of(*same, name), logits_of(*tasks.models[1], name)) < 1e-5);
    const auto none = weighted_sum(std::vector<WeightedTask>{{tasks.file(0), 1}, {tasks.file(0), -1}}, data / name);
    none->for_each_layer([&](Layer& layer) {
      base.model->for_each_layer([&](Layer& own) {
        if (own.name == layer.name) CHECK(own.weight == layer.weight);
      });
    });
  }
}

TEST_CASE("tasks that cannot be added up are refused") {
  const ThreeTasks tasks{"bert"};
  const auto refusal = [&](const std::vector<WeightedTask>& list, const std::string& base = "bert") {
    return error_of([&] { static_cast<void>(weighted_sum(list, data / base)); });
  };
  CHECK(refusal({}) == "there is no task to add up, expected some");
  CHECK(contains(refusal({{tasks.file(0), std::nan("")}}), "is nan, expected a number"));
  CHECK(contains(refusal({{tasks.file(0), 1}}, "roberta"), "was made for the base"));
}
