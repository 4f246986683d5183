// SPDX-License-Identifier: Apache-2.0
#include "finetune/export/tasks_on_base.hpp"

#include <pst/any/changed.hpp>
#include <pst/any/implementation/nearest.hpp>
#include <pst/core/error.hpp>

#include <algorithm>
#include <utility>

#include "finetune/export/apply_layer.hpp"
#include "finetune/export/compressed_body.hpp"
#include "finetune/export/listed_changes.hpp"
#include "finetune/export/task_contents.hpp"
#include "finetune/model/fingerprint.hpp"

namespace finetune {

pst::AnyLinear<float> TasksOnBase::plain_layer(const std::string& name, pst::Shape shape) {
  return pst::make_linear<float>({.method = "frozen", .name = name}, shape, cpu_);
}

std::unique_ptr<Model> TasksOnBase::make_model_on_base(const std::vector<std::string>& labels) {
  Model& base = *base_->model;
  const auto make_layer = [this](const std::string& name, pst::Shape shape, std::uint64_t) {
    return Layer{name, plain_layer(name, shape), transformer::WeightOwner::layer};
  };
  const ModelConfig config = labels.empty() ? base.config() : with_labels(base.config(), labels);
  auto model = make_model(config, base.encoder().config.together, make_layer, false);
  model->borrow(base);
  const auto from = plain_tensors(base);
  for (const auto& [name, value] : plain_tensors(*model))
    if (value != from.at(name) && !base_->made_new.contains(name)) *value = *from.at(name);
  model->attach();
  return model;
}

void TasksOnBase::lay_over(Layer& layer, const pst::TensorList& state, double scale) {
  if (is_update(state)) {
    layer.layer =
        updated_layer(layer.name, layer.lent, transformer::view(std::as_const(layer.bias)), state, scale, cpu_);
    return;
  }
  if (has_listed_changes(state)) {
    const pst::TensorList own = state_of_changes(state, "layer " + layer.name, layer.layer.shape());
    layer.layer = pst::restore_changes<float>(layer.name, layer.layer.shape(), own, layer.lent,
                                              transformer::view(std::as_const(layer.bias)), cpu_);
    return;
  }
  Matrix own = weight_of_task(layer.name, layer.lent, state, scale);
  layer.lent = {};
  if (2 * (own.array() != 0).count() > own.size()) {
    layer.weight = std::move(own);
    layer.layer = plain_layer(layer.name, layer.layer.shape());
  } else {
    auto compressed = std::make_unique<CompressedLinear>(layer.name, layer.layer.shape());
    compressed->set(own, pst::io::ElementType::f32);
    layer.layer = pst::AnyLinear<float>{std::move(compressed)};
  }
  layer.attach();
}

void TasksOnBase::add(std::string name, const std::filesystem::path& task_file) {
  pst::require(std::ranges::find(tasks_, name, &Task::name) == tasks_.end(), "there is a task ", name,
               " already: give this one, ", task_file.string(), ", another name");
  const TaskContents task{task_file};
  const TaskHeading& heading = task.heading();
  if (!base_) {
    const auto make_layer = [this](const std::string& layer, pst::Shape shape, std::uint64_t) {
      return Layer{layer, plain_layer(layer, shape)};
    };
    base_ = load_shared_base(folder_, heading.labels, heading.together, make_layer);
  }
  pst::require(base_->model->encoder().config.together == heading.together, task_file.string(),
               ": query, key and value are ", heading.together ? "one layer" : "layers of their own",
               ", in the tasks that are there already they are not: ask it in a process of its own");
  SharedBase on{make_model_on_base(heading.labels), base_->made_new, base_->fingerprint};
  task.put_into(on, folder_,
                [this](Layer& layer, const pst::TensorList& state, double scale) { lay_over(layer, state, scale); });
  tasks_.push_back({std::move(name), std::move(on.model)});
}

Model& TasksOnBase::operator[](std::string_view name) {
  const auto found = std::ranges::find(tasks_, name, &Task::name);
  if (found == tasks_.end()) {
    const auto known = names();
    pst::fail("there is no task ", name, ", expected one of ", pst::detail::listed(known),
              pst::detail::did_you_mean(name, known));
  }
  return *found->model;
}

std::vector<std::string_view> TasksOnBase::names() const {
  std::vector<std::string_view> list;
  for (const Task& task : tasks_) list.push_back(task.name);
  return list;
}

std::size_t TasksOnBase::base_bytes() {
  std::size_t numbers = 0;
  if (base_)
    base_->model->for_each_tensor(
        [&](const TensorPlace&, const Matrix& value, Layer*) { numbers += static_cast<std::size_t>(value.size()); });
  return numbers * sizeof(float);
}

std::size_t TasksOnBase::own_bytes(std::string_view name) {
  Model& model = (*this)[name];
  const auto of_base = plain_tensors(*base_->model);
  std::size_t numbers = 0;
  for (const auto& [tensor, value] : plain_tensors(model))
    if (value != of_base.at(tensor)) numbers += static_cast<std::size_t>(value->size());
  for (const ModelParameter& each : model.parameters())
    if (is_added(each.part)) numbers += static_cast<std::size_t>(each.parameter.value.size());
  std::size_t bytes = numbers * sizeof(float) + layer_bytes(model);
  model.for_each_layer([&](Layer& layer) {
    if (layer.lent.data != nullptr) bytes += layer.layer.report().training_bytes;
  });
  return bytes;
}

std::string TasksOnBase::fingerprint() {
  return base_ ? fingerprint_of(*base_->model, base_->made_new) : std::string{};
}

}  // namespace finetune
