// SPDX-License-Identifier: Apache-2.0
#include "finetune/export/base_folder.hpp"

#include <pst/core/error.hpp>

#include <cstring>

#include "finetune/model/fingerprint.hpp"
#include "finetune/model/folder.hpp"

namespace finetune {

bool is_embedding(const ModelConfig& config, const std::string& name) {
  const std::string_view prefix = prefix_of(config.architecture);
  if (!name.starts_with(prefix)) return false;
  const std::string own = name.substr(prefix.size());
  return own == "wte.weight" || own == "wpe.weight" ||
         (own.starts_with("embeddings.") && own.ends_with("_embeddings.weight"));
}

SharedBase load_shared_base(const std::filesystem::path& folder, const std::vector<std::string>& labels, bool together,
                            const MakeLayer& make_layer) {
  LoadedModel loaded = load_model(
      folder, {.train_embeddings = false, .together = together, .new_head = !labels.empty(), .labels = labels},
      make_layer);
  SharedBase base{.model = std::move(loaded.model),
                  .made_new = {loaded.made_new.begin(), loaded.made_new.end()},
                  .fingerprint = {}};
  base.fingerprint = fingerprint_of(*base.model, base.made_new);
  return base;
}

std::map<std::string, Matrix*> plain_tensors(Model& model) {
  std::map<std::string, Matrix*> tensors;
  model.for_each_tensor([&](const TensorPlace& place, Matrix& value, Layer* layer) {
    if (layer == nullptr)
      tensors[place.parts == 1 ? place.name : place.name + '#' + std::to_string(place.part)] = &value;
  });
  return tensors;
}

std::set<std::string> trained_tensors(Model& model, const SharedBase& base) {
  std::set<std::string> trained;
  const auto before = plain_tensors(*base.model);
  for (const auto& [name, value] : plain_tensors(model)) {
    const auto at = before.find(name);
    pst::require(at != before.end() && at->second->rows() == value->rows() && at->second->cols() == value->cols(),
                 "tensor ", name, " is not in the base folder, or has another shape there: is it the right folder?");
    const bool same =
        std::memcmp(value->data(), at->second->data(), static_cast<std::size_t>(value->size()) * sizeof(float)) == 0;
    if (same && !base.made_new.contains(name)) continue;
    pst::require(base.made_new.contains(name) || !is_embedding(model.config(), name), "tensor ", name,
                 " has trained and is as large as all embeddings: only a folder or an archive can hold it");
    trained.insert(name);
  }
  return trained;
}

std::string base_name(const std::filesystem::path& folder) {
  const std::filesystem::path path = std::filesystem::absolute(folder).lexically_normal();
  return (path.has_filename() ? path.filename() : path.parent_path().filename()).string();
}

}  // namespace finetune
