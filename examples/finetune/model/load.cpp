// SPDX-License-Identifier: Apache-2.0
#include <pst/core/error.hpp>

#include <algorithm>
#include <map>

#include "finetune/model/file_tensors.hpp"
#include "finetune/model/folder.hpp"
#include "finetune/model/label_order.hpp"
#include "finetune/model/stored_tensors.hpp"

namespace finetune {

namespace {

/// The values of a head's tensor with the rows in the order of the labels that the model is to have.
std::vector<float> in_order(const std::vector<float>& values, std::span<const std::size_t> order) {
  const std::size_t row = values.size() / order.size();
  std::vector<float> made;
  made.reserve(values.size());
  for (const std::size_t from : order) {
    const auto first = values.begin() + static_cast<std::ptrdiff_t>(from * row);
    made.insert(made.end(), first, first + static_cast<std::ptrdiff_t>(row));
  }
  return made;
}

/// Checks every tensor of the folder before anything is allocated, and says which of the model's are missing.
class Plan {
 public:
  Plan(const ModelConfig& config, bool head_in_folder, StoredTensors& stored) {
    for (const ExpectedTensor& tensor : expected_tensors(config)) owner_of_[tensor.name] = tensor.owner;
    for (const Owner owner : {Owner::pooler, Owner::head})
      is_new_[owner] = (owner == Owner::head && !head_in_folder) || has_none(config, owner, stored);
    for (const ExpectedTensor& tensor : expected_tensors(config))
      if (is_new(tensor.name))
        made_new_.push_back(tensor.name);
      else
        static_cast<void>(stored.require(tensor));
    for (const std::string& name : stored.unused()) refuse_more_blocks(config, name, stored.source());
  }
  [[nodiscard]] bool is_new(const std::string& name) const { return is_new(owner_of_.at(name)); }
  [[nodiscard]] bool is_new(Owner owner) const { return owner != Owner::encoder && is_new_.at(owner); }
  [[nodiscard]] const std::vector<std::string>& made_new() const noexcept { return made_new_; }

 private:
  [[nodiscard]] static bool has_none(const ModelConfig& config, Owner owner, const StoredTensors& stored) {
    return std::ranges::none_of(expected_tensors(config), [&](const ExpectedTensor& tensor) {
      return tensor.owner == owner && stored.find(tensor.name) != nullptr;
    });
  }

  std::map<std::string, Owner> owner_of_;
  std::map<Owner, bool> is_new_;
  std::vector<std::string> made_new_;
};

}  // namespace

LoadedModel load_model(const std::filesystem::path& folder, const ModelOptions& options, const MakeLayer& make_layer) {
  ModelConfig config = read_config(folder, options.new_head ? HeadUse::discard : HeadUse::read);
  std::vector<std::string> labels = config.labels;
  const auto order = label_order(options.labels, labels);
  if (!options.labels.empty()) config = with_labels(config, options.labels);
  StoredTensors stored{folder, config};
  const Plan plan{config, config.has_head, stored};

  LoadedModel loaded;
  loaded.model = make_model(config, options.together, make_layer, options.train_embeddings);
  loaded.model->for_each_tensor([&](const TensorPlace& place, Matrix& value, Layer*) {
    if (plan.is_new(place.name)) return;
    const bool by_label = order && place.name.starts_with(output_module(config.architecture));
    take_part(place, by_label ? in_order(stored.read(place.name), *order) : stored.read(place.name), value);
  });
  for (const Owner owner : {Owner::pooler, Owner::head})
    if (plan.is_new(owner)) loaded.model->initialise(owner, options.seed + (owner == Owner::pooler ? 0 : 1));
  loaded.model->attach();
  if (!plan.is_new(Owner::head)) loaded.labels = std::move(labels);
  loaded.made_new = plan.made_new();
  loaded.unused = stored.unused();
  return loaded;
}

}  // namespace finetune
