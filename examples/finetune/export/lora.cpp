// SPDX-License-Identifier: Apache-2.0
#include "finetune/export/lora.hpp"

#include <pst/any/changed.hpp>
#include <pst/any/kept.hpp>
#include <pst/core/error.hpp>
#include <pst/io/safetensors.hpp>
#include <pst/io/tensor_file.hpp>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "common/files.hpp"
#include "finetune/export/base_folder.hpp"
#include "finetune/export/compressed_body.hpp"
#include "finetune/export/output_folder.hpp"
#include "finetune/export/row_norms.hpp"
#include "finetune/model/file_tensors.hpp"

namespace finetune {

namespace {

constexpr const char* front = "base_model.model.";

/// The update of one layer: `up * down` is added to the weight, whose rows then have the length `norms` (out x 1),
/// where there are any.
struct Update {
  Matrix up, down, norms;

  void apply(Matrix& weight) const {
    weight += up * down;
    if (norms.size() > 0) set_row_norms(weight, {norms.data(), static_cast<std::size_t>(norms.size())});
  }
  /// That of some rows alone.
  [[nodiscard]] Update rows(index_t first, index_t count) const {
    return {up.middleRows(first, count), down, norms.size() > 0 ? Matrix{norms.middleRows(first, count)} : Matrix{}};
  }
};

Matrix matrix_of(const pst::Tensor& tensor) {
  const std::vector<float> values = tensor.values<float>();
  pst::require(tensor.shape.size() == 2, "tensor ", tensor.name, " is no matrix");
  return Eigen::Map<const Matrix>(values.data(), tensor.shape[0], tensor.shape[1]);
}

/// Nothing where a layer has no update.
std::optional<Update> update_of(Layer& layer, double scale) {
  const pst::TensorList state = layer.layer.save();
  const auto has = [&](const char* name) {
    return std::ranges::any_of(state, [name](const pst::Tensor& tensor) { return tensor.name == name; });
  };
  pst::require(!has("weight"), "layer ", layer.name,
               ": the weight itself has trained, and an adapter holds low-rank updates alone: write a folder or an "
               "archive");
  pst::require(
      !pst::is_of_kept(state), "layer ", layer.name,
      ": the kept weights themselves have trained, and an adapter holds low-rank updates alone: write a folder "
      "or an archive, or train with --rest delta");
  pst::require(!has("delta.gate") && !pst::is_of_changes(state), "layer ", layer.name,
               ": a change of single weights has trained, and an adapter holds low-rank updates alone: write a folder, "
               "an archive or a task file");
  if (!has("delta.U") || !has("delta.V")) return std::nullopt;
  Update update{matrix_of(pst::find(state, "delta.U")), matrix_of(pst::find(state, "delta.V")),
                has("delta.m") ? matrix_of(pst::find(state, "delta.m")) : Matrix{}};
  update.up *= static_cast<float>(scale);
  return update;
}

/// The updates of the modules of a folder; parts of one module are put into one update.
std::map<std::string, Update> updates_of(Model& model, double scale) {
  std::map<std::string, Update> updates;
  std::map<std::string, Matrix> norms;  // of the rows of modules that have parts, in the base where no part has its own
  model.for_each_tensor([&](const TensorPlace& place, const Matrix& value, Layer* layer) {
    if (layer == nullptr) return;
    const std::string module = place.name.substr(0, place.name.rfind('.'));
    const std::optional<Update> found = update_of(*layer, scale);
    if (place.parts > 1) {
      Matrix& all = norms[module];
      all.conservativeResize(place.parts * value.rows(), 1);
      all.middleRows(place.part * value.rows(), value.rows()) =
          found && found->norms.size() > 0 ? found->norms : Matrix{value.rowwise().norm()};
    }
    if (!found) return;
    const Update& part = *found;
    Update& whole = updates[module];
    const index_t rank = part.down.rows(), before = whole.down.rows();
    if (place.parts == 1) {
      whole = part;
      return;
    }
    const index_t out = part.up.rows();
    Matrix up = Matrix::Zero(place.parts * out, before + rank), down(before + rank, part.down.cols());
    if (before > 0) {
      up.leftCols(before) = whole.up;
      down.topRows(before) = whole.down;
    }
    up.block(place.part * out, before, out, rank) = part.up;
    down.bottomRows(rank) = part.down;
    whole = {std::move(up), std::move(down), part.norms};
  });
  for (auto& [module, update] : updates)
    if (update.norms.size() > 0 && norms.contains(module)) update.norms = norms.at(module);
  pst::require(!updates.empty(), "no layer has a low-rank update to make an adapter");
  return updates;
}

/// The last part of a module's name that tells it from modules of other kinds, as PEFT looks modules up.
std::string kind_of(const std::string& module) {
  static constexpr std::string_view kinds[] = {"query",        "key",    "value",  "intermediate.dense",
                                               "output.dense", "c_attn", "c_proj", "c_fc"};
  for (const std::string_view kind : kinds)
    if (module.ends_with(kind)) return std::string{kind};
  pst::fail("module ", module, " is none that an adapter is made for");
}

/// The modules, besides those with updates, that are saved whole, by the last part of their names.
std::set<std::string> saved_modules(const std::set<std::string>& trained, const std::map<std::string, Update>& updates,
                                    bool is_classifier) {
  std::set<std::string> modules;
  if (is_classifier) modules.insert("classifier");
  for (const std::string& name : trained) {
    const std::string module = name.substr(0, name.rfind('.'));
    if (updates.contains(module) || module.starts_with("classifier")) continue;
    modules.insert(module.ends_with("pooler.dense") ? "pooler" : module.substr(module.rfind('.') + 1));
  }
  return modules;
}

bool is_saved(const std::string& module, const std::set<std::string>& modules) {
  return std::ranges::any_of(modules, [&](const std::string& saved) {
    return ("." + module + ".").find("." + saved + ".") != std::string::npos;
  });
}

/// The kinds of which some modules have no update, so that they must be named one by one.
std::set<std::string> kinds_without_update(Model& model, const std::map<std::string, Update>& updates) {
  std::set<std::string> kinds;
  model.for_each_tensor([&](const TensorPlace& place, const Matrix&, Layer* layer) {
    const std::string module = place.name.substr(0, place.name.rfind('.'));
    if (layer != nullptr && !updates.contains(module)) kinds.insert(kind_of(module));
  });
  return kinds;
}

nlohmann::json adapter_config(Model& model, const std::map<std::string, Update>& updates,
                              const std::set<std::string>& modules, bool biases, const std::string& base) {
  const bool is_gpt2 = model.config().architecture == Architecture::gpt2;
  std::map<std::string, index_t> ranks;
  index_t least = 0;
  const std::set<std::string> other_kinds = kinds_without_update(model, updates);
  for (const auto& [module, update] : updates) {
    const std::string kind = kind_of(module);
    const auto [at, is_new] = ranks.try_emplace(other_kinds.contains(kind) ? module : kind, update.down.rows());
    pst::require(is_new || at->second == update.down.rows(), "modules called ", at->first,
                 " have updates of different ranks, which an adapter cannot say");
    least = least == 0 ? at->second : std::min(least, at->second);
  }
  nlohmann::json targets = nlohmann::json::array(), others = nlohmann::json::object();
  for (const auto& [kind, rank] : ranks) {
    targets.push_back(kind);
    if (rank != least) others[kind] = rank;
  }
  nlohmann::json config{
      {"peft_type", "LORA"},
      {"task_type", is_gpt2 ? "CAUSAL_LM" : "SEQ_CLS"},
      {"base_model_name_or_path", base},
      {"r", least},
      {"lora_alpha", least},
      {"rank_pattern", others},
      {"alpha_pattern", others},
      {"lora_dropout", 0.0},
      {"bias", biases ? "all" : "none"},
      {"fan_in_fan_out", is_gpt2},
      {"inference_mode", true},
      {"init_lora_weights", true},
      {"target_modules", targets},
      {"use_dora", std::ranges::any_of(updates, [](const auto& each) { return each.second.norms.size() > 0; })},
      {"use_rslora", false}};
  config["modules_to_save"] = modules.empty() ? nlohmann::json{} : nlohmann::json(modules);
  return config;
}

/// Everything that PEFT saves, under its names.
pst::TensorList adapter_tensors(Model& model, const std::map<std::string, Update>& updates,
                                const std::set<std::string>& modules, bool biases) {
  pst::TensorList tensors;
  const auto add = [&](const std::string& name, std::vector<index_t> shape, std::span<const float> values) {
    tensors.push_back(pst::Tensor::from<float>(front + name, std::move(shape), values));
  };
  for (const auto& [module, update] : updates)
    for (const auto& [ending, value] : {std::pair{".lora_A.weight", &update.down}, {".lora_B.weight", &update.up}})
      add(module + ending, {value->rows(), value->cols()}, {value->data(), static_cast<std::size_t>(value->size())});
  for (const auto& [module, update] : updates)
    if (const auto size = static_cast<std::size_t>(update.norms.size()); size > 0)
      add(module + ".lora_magnitude_vector", {update.norms.size()}, {update.norms.data(), size});
  for (const auto& [name, tensor] : file_tensors(model)) {
    const std::size_t dot = name.rfind('.');
    const std::string module = name.substr(0, dot);
    if (tensor.is_layer_weight) continue;
    if (updates.contains(module)) {
      if (biases) add(module + ".base_layer" + name.substr(dot), tensor.shape, tensor.values);
    } else if (is_saved(module, modules)) {
      add(name, tensor.shape, tensor.values);
    }
  }
  return tensors;
}

/// The update of a module in an adapter that was written.
Update read_update(const pst::TensorList& tensors, const std::string& module) {
  const auto named = [&](const char* ending) { return front + module + ending; };
  Update update{matrix_of(pst::find(tensors, named(".lora_B.weight"))),
                matrix_of(pst::find(tensors, named(".lora_A.weight"))), Matrix{}};
  const std::string norms = named(".lora_magnitude_vector");
  if (const auto at = std::ranges::find(tensors, norms, &pst::Tensor::name); at != tensors.end()) {
    const std::vector<float> values = at->values<float>();
    update.norms = Eigen::Map<const Matrix>(values.data(), std::ssize(values), 1);
  }
  return update;
}

/// The base with an adapter that was written, as PEFT would put them together.
std::unique_ptr<Model> with_adapter(const std::filesystem::path& file, SharedBase base) {
  const pst::TensorList tensors = pst::io::load_tensors(file);
  const auto named = [&](const std::string& name) {
    const auto at = std::ranges::find(tensors, front + name, &pst::Tensor::name);
    return at == tensors.end() ? nullptr : &*at;
  };
  std::string last;
  Update update;
  base.model->for_each_tensor([&](const TensorPlace& place, Matrix& value, Layer* layer) {
    const std::size_t dot = place.name.rfind('.');
    const std::string module = place.name.substr(0, dot);
    if (layer != nullptr) {
      if (named(module + ".lora_B.weight") == nullptr) return;
      if (module != last) update = read_update(tensors, module);
      last = module;
      update.rows(place.part * value.rows(), value.rows()).apply(value);
      return;
    }
    const pst::Tensor* found = named(place.name);
    if (found == nullptr) found = named(module + ".base_layer" + place.name.substr(dot));
    if (found != nullptr) take_part(place, found->values<float>(), value);
  });
  base.model->refresh(1.0);
  return std::move(base.model);
}

}  // namespace

std::unique_ptr<Model> dense_part(Model& model, double scale) {
  auto made = densified(model);
  std::map<std::string, Layer*> layers;
  made->for_each_layer([&](Layer& layer) { layers[layer.name] = &layer; });
  model.for_each_layer([&](Layer& layer) {
    const std::optional<Update> update = update_of(layer, scale);
    layers.at(layer.name)->weight = layer.weight;
    if (update) update->apply(layers.at(layer.name)->weight);
  });
  return made;
}

ExportReport export_lora(Model& model, const std::filesystem::path& folder, const LoraOptions& options, Probes probes) {
  model.refuse_added("an adapter of LoRA");
  OutputFolder output{folder, options.overwrite};
  SharedBase base = load_shared_base(options.base, model.config().labels, model.encoder().config.together);
  const std::map<std::string, Update> updates = updates_of(model, options.scale);
  const std::set<std::string> trained = trained_tensors(model, base);
  const std::set<std::string> modules =
      saved_modules(trained, updates, model.config().objective != Objective::language_model);
  const bool biases = std::ranges::any_of(
      trained, [&](const std::string& name) { return updates.contains(name.substr(0, name.rfind('.'))); });

  const std::filesystem::path file = output.path() / "adapter_model.safetensors";
  pst::io::save_tensors(file, adapter_tensors(model, updates, modules, biases));
  const auto config = adapter_config(model, updates, modules, biases, std::filesystem::absolute(options.base).string());
  common::write_file(output.path() / "adapter_config.json", config.dump(2) + '\n');
  common::write_file(output.path() / "README.md", std::string{"Warning: "} + lora_warning + ".\n");

  const auto found = with_adapter(file, std::move(base)), expected = dense_part(model, options.scale);
  ExportReport report{.dense_bytes = dense_bytes(model)};
  report.difference = compare_answers(*expected, *found, probes);
  report.bytes = std::filesystem::file_size(file);
  pst::require(report.difference.logits <= most_difference, folder.string(), ": its logits are up to ",
               report.difference.logits, " apart from the model's dense part, relative to the largest");
  output.commit();
  return report;
}

}  // namespace finetune
