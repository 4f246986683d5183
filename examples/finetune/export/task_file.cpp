// SPDX-License-Identifier: Apache-2.0
#include "finetune/export/task_file.hpp"

#include <pst/any/changed.hpp>
#include <pst/core/error.hpp>
#include <pst/io/checksum.hpp>
#include <pst/io/tensor_file.hpp>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "finetune/export/apply_layer.hpp"
#include "finetune/export/base_folder.hpp"
#include "finetune/export/branch_text.hpp"
#include "finetune/export/listed_changes.hpp"
#include "finetune/export/output_folder.hpp"
#include "finetune/export/task_contents.hpp"

namespace finetune {

namespace fs = std::filesystem;

namespace {

/// Whether the whole weight trains; kept weights alone take less room.
bool trains_weight(Layer& layer) {
  const index_t size = layer.layer.shape().size();
  return std::ranges::any_of(layer.layer.layout().entries, [size](const pst::ParameterEntry& entry) {
    return entry.group == pst::ParameterGroup::weight && entry.size() == size;
  });
}
/// Throws where the weights themselves have trained in every layer.
void refuse_whole_model(Model& model) {
  Layer* first = nullptr;
  bool all = true;
  model.for_each_layer([&](Layer& layer) {
    if (first == nullptr) first = &layer;
    all = all && trains_weight(layer);
  });
  pst::require(!all || first == nullptr, "layer ", first == nullptr ? "" : first->name,
               ": the weight itself has trained, so a task file would be as large as the model: write a folder or an "
               "archive");
}

/// The tensors of a layer that the file holds: none where it is as in the base.
pst::TensorList own_tensors(Layer& layer, bool scores) {
  pst::TensorList own;
  const bool prunes = layer.layer.kept() < layer.layer.shape().size();
  pst::TensorList state = layer.layer.save();
  if (pst::is_of_changes(state)) state = listed_changes(state, layer.layer.shape());
  for (pst::Tensor& tensor : state) {
    pst::require(
        !tensor.name.starts_with("delta.gate"), "layer ", layer.name,
        ": every weight changes behind a gate, so a task file would be as large as the model: write a folder or "
        "an archive, or train with a smaller --gated-part");
    const bool is_score = tensor.name.starts_with("score.");
    pst::require(!scores || tensor.name != "score.S", "layer ", layer.name,
                 ": has a score for every weight, which a small task file cannot hold: leave the scores out");
    if (tensor.name == "bias" || (is_score && !scores)) continue;  // biases are told from those of the base
    const bool is_of_mask = tensor.name == "mask" || tensor.name == "shape" || tensor.name == "sparsity";
    if (is_of_mask && (!prunes || layer.shared)) continue;  // a projection keeps the zeros of the base, or none
    tensor.name = layer.name + "/" + tensor.name;
    own.push_back(std::move(tensor));
  }
  return own;
}

std::string text_of(double number) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, number).ptr;
  return {text, end};
}

pst::Tensor tensor_of(std::string name, pst::MatrixView<const float> value) {
  return pst::Tensor::from<float>(std::move(name), {value.rows, value.cols},
                                  {value.data, static_cast<std::size_t>(value.size())});
}

/// What a task file says of itself, as `read_task_heading` reads it.
std::map<std::string, std::string> metadata_of(Model& model, const TaskFileOptions& options, const SharedBase& base,
                                               const std::vector<std::string>& layers,
                                               const std::set<std::string>& plain, const pst::TensorList& tensors) {
  std::map<std::string, std::string> metadata{{"kind", task_file_kind},
                                              {"version", task_file_version},
                                              {"scale", text_of(options.scale)},
                                              {"base", base_name(options.base)},
                                              {"base_fingerprint", base.fingerprint},
                                              {"together", model.encoder().config.together ? "true" : "false"},
                                              {"labels", nlohmann::json(model.config().labels).dump()},
                                              {"branches", branches_text(model.branches())},
                                              {"layers", nlohmann::json(layers).dump()},
                                              {"plain", nlohmann::json(plain).dump()},
                                              {"settings", options.settings},
                                              {pst::io::checksum_field, pst::io::checksum_of(tensors)}};
  if (const IntrinsicPart part = intrinsic_part(model); !part.layers.empty())
    metadata["intrinsic"] = intrinsic_text(part);
  if (model.virtual_tokens()) metadata["virtual_tokens"] = tokens_text(*model.virtual_tokens());
  return metadata;
}

}  // namespace

std::unique_ptr<Model> apply_task_file(const fs::path& path, const fs::path& folder) {
  const TaskContents task{path};
  SharedBase base = load_shared_base(folder, task.heading().labels, task.heading().together);
  task.put_into(base, folder, apply_layer);
  return std::move(base.model);
}

ExportReport export_task_file(Model& model, const fs::path& file, const TaskFileOptions& options, Probes probes) {
  if (options.overwrite && std::filesystem::is_regular_file(file))  // nothing but a task file is replaced
    static_cast<void>(read_task_heading(file));
  OutputFile output{file, options.overwrite};
  const SharedBase base = load_shared_base(options.base, model.config().labels, model.encoder().config.together);
  refuse_whole_model(model);
  pst::TensorList tensors;
  std::vector<std::string> layers;
  const auto plain = plain_tensors(model);
  std::set<std::string> trained = trained_tensors(model, base);
  for (const std::string& name : trained) tensors.push_back(tensor_of(name, transformer::view(*plain.at(name))));
  for (const ModelParameter& each : model.parameters())
    if ((each.part == Part::branch || each.part == Part::shared) && trained.insert(each.name).second)
      tensors.push_back(tensor_of(each.name, each.parameter.value));
  if (model.virtual_tokens()) {  // folded: what made the vectors is not needed any more
    const std::string name = name_of_tokens(*model.virtual_tokens(), model.config());
    trained.insert(name);
    tensors.push_back(tensor_of(name, model.virtual_vectors()));
  }
  model.for_each_layer([&](Layer& layer) {
    pst::TensorList own = own_tensors(layer, options.scores);
    if (!own.empty()) layers.push_back(layer.name);
    std::ranges::move(own, std::back_inserter(tensors));
  });
  pst::io::save_tensors(output.path(), tensors, metadata_of(model, options, base, layers, trained, tensors));

  const auto again = apply_task_file(output.path(), options.base);
  ExportReport report = check_export(model, *again, pst::io::ElementType::f32, file, probes);
  report.bytes = fs::file_size(output.path());
  output.commit();
  return report;
}

}  // namespace finetune
