// SPDX-License-Identifier: Apache-2.0
#include "finetune/export/weighted_sum.hpp"

#include <pst/core/error.hpp>

#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "finetune/export/base_folder.hpp"
#include "finetune/export/fold_branches.hpp"
#include "finetune/export/task_file.hpp"

namespace finetune {

namespace {

/// Every tensor of a model with dense layers, by name.
std::map<std::string, Matrix*> all_tensors(Model& model) {
  std::map<std::string, Matrix*> tensors = plain_tensors(model);
  model.for_each_layer([&](Layer& layer) { tensors["layer " + layer.name] = &layer.weight; });
  return tensors;
}

std::unique_ptr<Model> open_task(const WeightedTask& task, const std::filesystem::path& base, Model* first) {
  pst::require(std::isfinite(task.weight), "the weight of ", task.file.string(), " is ", task.weight,
               ", expected a number");
  std::unique_ptr<Model> model = without_branches(*apply_task_file(task.file, base));
  pst::require(first == nullptr || model->config().labels == first->config().labels, task.file.string(),
               ": has other classes than the first task, so their heads cannot be added up: give tasks with the same "
               "classes in the same order");
  pst::require(first == nullptr || model->encoder().config.together == first->encoder().config.together,
               task.file.string(), ": ranked query, key and value together, the first task did not, or the reverse");
  return model;
}

}  // namespace

std::unique_ptr<Model> weighted_sum(std::span<const WeightedTask> tasks, const std::filesystem::path& base) {
  pst::require(!tasks.empty(), "there is no task to add up, expected some");
  std::vector<std::unique_ptr<Model>> models;
  for (const WeightedTask& task : tasks)
    models.push_back(open_task(task, base, models.empty() ? nullptr : models.front().get()));
  Model& sum = *models.front();
  const SharedBase shared = load_shared_base(base, sum.config().labels, sum.encoder().config.together);
  const auto of_base = all_tensors(*shared.model);
  std::vector<std::map<std::string, Matrix*>> of_tasks;
  for (const auto& model : models) of_tasks.push_back(all_tensors(*model));
  for (const auto& [name, into] : of_tasks.front()) {
    using Wide = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    const Wide start = shared.made_new.contains(name) ? Wide::Zero(into->rows(), into->cols()).eval()
                                                      : of_base.at(name)->cast<double>().eval();
    Wide total = start;
    for (std::size_t i = 0; i < tasks.size(); ++i)
      total += tasks[i].weight * (of_tasks[i].at(name)->cast<double>() - start);
    *into = total.cast<float>();
  }
  sum.refresh(1.0);
  return std::move(models.front());
}

}  // namespace finetune
