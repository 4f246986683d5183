// SPDX-License-Identifier: Apache-2.0
#include "finetune/export/peft.hpp"

#include <pst/core/error.hpp>
#include <pst/layer/training_state.hpp>

#include <algorithm>
#include <set>
#include <span>
#include <tuple>

#include "finetune/export/adapter_tensors.hpp"
#include "finetune/export/base_folder.hpp"
#include "finetune/export/peft_config.hpp"
#include "finetune/export/row_norms.hpp"
#include "finetune/model/file_tensors.hpp"

namespace finetune {

namespace fs = std::filesystem;

namespace {

std::string module_of_tensor(const std::string& tensor) { return tensor.substr(0, tensor.rfind('.')); }

/// What an adapter does to one module of a file, of which a layer may be a part.
struct Change {
  Matrix added;                ///< LoRA: what is added to the weight, out x in
  std::vector<float> lengths;  ///< DoRA: of the rows of the sum
  std::vector<float> scales;   ///< (IA)3: of what the module gives, or reads
  bool scales_input = false;
};

Change read_change(const std::string& module, pst::Shape shape, const PeftConfig& config, AdapterTensors& tensors,
                   TensorFaults& faults) {
  Change change;
  if (config.is_ia3) {
    change.scales_input = config.scales_input(module);
    change.scales =
        tensors.take(module + ".ia3_l", change.scales_input ? FileShape{1, shape.in} : FileShape{shape.out, 1}, faults);
    return change;
  }
  const index_t rank = config.rank_of(module);
  const auto down = tensors.take(module + ".lora_A.weight", {rank, shape.in}, faults);
  const auto up = tensors.take(module + ".lora_B.weight", {shape.out, rank}, faults);
  if (config.is_dora) change.lengths = tensors.take(module + ".lora_magnitude_vector", {shape.out}, faults);
  if (down.empty() || up.empty()) return change;
  change.added = static_cast<float>(config.scale_of(module)) * (Eigen::Map<const Matrix>(up.data(), shape.out, rank) *
                                                                Eigen::Map<const Matrix>(down.data(), rank, shape.in));
  return change;
}

void apply(const Change& change, const TensorPlace& place, Matrix& weight) {
  if (change.added.size() > 0) weight += change.added.middleRows(place.part * weight.rows(), weight.rows());
  if (!change.lengths.empty())
    set_row_norms(weight, std::span{change.lengths}.subspan(static_cast<std::size_t>(place.part * weight.rows())));
  if (change.scales.empty()) return;
  using Row = transformer::RowVector<float>;
  if (change.scales_input)
    weight.array().rowwise() *= Eigen::Map<const Row>(change.scales.data(), weight.cols()).array();
  else
    weight.array().colwise() *=
        Eigen::Map<const Row>(change.scales.data() + place.part * weight.rows(), weight.rows()).transpose().array();
}

/// Every change, of the modules that should have one.
std::map<std::string, Change> read_changes(Model& model, const PeftConfig& config, AdapterTensors& tensors,
                                           TensorFaults& faults) {
  std::map<std::string, Change> changes;
  const Architecture architecture = model.config().architecture;
  model.for_each_tensor([&](const TensorPlace& place, const Matrix& value, Layer* layer) {
    const std::string module = module_of_tensor(place.name);
    if (layer == nullptr || config.tokens || changes.contains(module)) return;
    if (!config.adapts(module, block_of(architecture, place.name))) return;
    const pst::Shape shape{.in = value.cols(), .out = place.parts * value.rows()};
    changes[module] = read_change(module, shape, config, tensors, faults);
  });
  return changes;
}

/// The vectors of virtual tokens, count x features; nothing where the adapter has none.
std::vector<float> read_vectors(const Model& model, const PeftConfig& config, const fs::path& folder,
                                AdapterTensors& tensors, TensorFaults& faults) {
  if (!config.tokens) return {};
  const ModelConfig& base = model.config();
  for (const auto& [name, own, expected] : {std::tuple{"token_dim", config.token_width, base.width},
                                            {"num_layers", config.token_blocks, base.blocks},
                                            {"num_attention_heads", config.token_heads, base.heads}})
    pst::require(own == 0 || own == expected, folder.string(), ": adapter_config.json has ", name, " ", own,
                 ", the base has ", expected, ": is it that of another model?");
  return tensors.take_whole("prompt_embeddings", {config.tokens->count, config.tokens->features(base)}, faults);
}

/// Biases, norms and heads that an adapter saves, and the biases that (IA)3 scales.
void change_plain(const TensorPlace& place, Matrix& value, const std::map<std::string, Change>& changes,
                  AdapterTensors& tensors, TensorFaults& faults, std::set<std::string>& fresh) {
  const std::string module = module_of_tensor(place.name);
  for (const std::string& name : {place.name, module + ".base_layer" + place.name.substr(module.size())}) {
    if (!tensors.has(name)) continue;
    const auto numbers = tensors.take(name, place.shape_in_file(value.rows(), value.cols()), faults);
    if (!numbers.empty()) take_part(place, numbers, value);
    fresh.erase(place.name);
  }
  const auto change = changes.find(module);
  if (change == changes.end() || change->second.scales.empty() || change->second.scales_input) return;
  const float* const scales = change->second.scales.data() + place.part * value.cols();
  value.array() *= Eigen::Map<const transformer::RowVector<float>>(scales, value.cols()).array();
}

/// With trained biases, PEFT writes those of a saved head again under the names of its wrapper.
bool is_copy_of_saved(const std::string& tensor) {
  return tensor.find(".modules_to_save.") != std::string::npos || tensor.find(".original_module.") != std::string::npos;
}

/// Names for as many labels as the head of an adapter has, those of the base where they fit.
std::vector<std::string> labels_of(const AdapterTensors& tensors, const fs::path& base) {
  const ModelConfig config = read_config(base);
  if (config.architecture == Architecture::gpt2) return {};
  const std::string head = std::string{output_module(config.architecture)} + "weight";
  if (!tensors.has(head)) return config.labels;
  const FileShape shape = tensors.shape_of(head);
  pst::require(shape.size() == 2 && shape[0] >= 1 && shape[0] <= 10000, tensors.source(), ": tensor ", tensors.prefix(),
               head, " is no head of 1 to 10000 labels");
  if (config.labels.size() == static_cast<std::size_t>(shape[0])) return config.labels;
  std::vector<std::string> labels;
  for (index_t label = 0; label < shape[0]; ++label) labels.push_back("LABEL_" + std::to_string(label));
  return labels;
}

}  // namespace

std::unique_ptr<Model> apply_peft(const fs::path& adapter, const fs::path& base_folder) {
  const PeftConfig config = read_peft_config(adapter);
  // A model with virtual tokens is wrapped once, one with adapters in its modules twice.
  AdapterTensors tensors{adapter / "adapter_model.safetensors", config.tokens ? "base_model." : "base_model.model."};
  SharedBase base = load_shared_base(base_folder, labels_of(tensors, base_folder), true);
  TensorFaults faults;
  const auto vectors = read_vectors(*base.model, config, adapter, tensors, faults);
  const auto changes = read_changes(*base.model, config, tensors, faults);
  pst::require(config.tokens || !changes.empty(), tensors.source(), ": no module of ", base_folder.string(),
               " is one of target_modules");
  std::set<std::string> fresh = base.made_new;
  base.model->for_each_tensor([&](const TensorPlace& place, Matrix& value, Layer* layer) {
    if (layer == nullptr)
      change_plain(place, value, changes, tensors, faults, fresh);
    else if (const auto change = changes.find(module_of_tensor(place.name)); change != changes.end())
      apply(change->second, place, value);
  });
  for (const std::string& name : fresh) faults.missing(tensors.prefix() + name);
  for (const std::string& name : tensors.left())
    if (!is_copy_of_saved(name)) faults.unknown(name);
  faults.refuse(tensors.source(), "an adapter of this base");
  if (config.tokens)
    base.model->put_virtual_tokens(
        *config.tokens, {vectors.data(), config.tokens->count, config.tokens->features(base.model->config())});
  base.model->refresh(1.0);
  return std::move(base.model);
}

}  // namespace finetune
