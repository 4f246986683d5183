// SPDX-License-Identifier: Apache-2.0
#include "finetune/export/ia3.hpp"

#include <pst/core/error.hpp>
#include <pst/io/tensor_file.hpp>

#include <nlohmann/json.hpp>

#include "common/files.hpp"
#include "finetune/export/base_folder.hpp"
#include "finetune/export/fold_branches.hpp"
#include "finetune/export/output_folder.hpp"
#include "finetune/export/peft.hpp"
#include "finetune/export/saved_modules.hpp"

namespace finetune {

namespace {

using ScaleRow = transformer::RowVector<float>;

/// What is written for the modules of all blocks.
struct Adapter {
  pst::TensorList tensors;
  std::set<std::string> targets, feed_forward;
};

ScaleRow branch_scale(std::optional<transformer::Branch<float>>& branch, const char* place) {
  pst::require(branch.has_value(), "the model has no scale for ", place, ", so it is no adapter of (IA)3");
  ScaleRow scale;
  branch->for_each_parameter([&](const pst::Parameter<float>& each) { scale = transformer::map(each.value).row(0); });
  return scale;
}
std::string module_in_folder(Architecture architecture, const std::string& name) {
  const std::string tensor = encoder_place(architecture, name + ".weight").name;
  return tensor.substr(0, tensor.rfind('.'));
}

void add_scale(Adapter& adapter, const std::string& module, const ScaleRow& scale, bool is_input) {
  std::vector<index_t> shape{scale.size(), 1};
  if (is_input) std::swap(shape[0], shape[1]);
  adapter.targets.insert(module);
  if (is_input) adapter.feed_forward.insert(module);
  adapter.tensors.push_back(pst::Tensor::from<float>("base_model.model." + module + ".ia3_l", std::move(shape),
                                                     {scale.data(), static_cast<std::size_t>(scale.size())}));
}

void add_block(Model& model, index_t number, transformer::Block<float>& block, Adapter& adapter) {
  const Architecture architecture = model.config().architecture;
  const transformer::EncoderNames& names = encoder_names(architecture);
  const auto module = [&](std::string_view name) {
    return module_in_folder(architecture, names.in_block(number, name));
  };
  const ScaleRow keys = branch_scale(block.attention.on_keys, "keys"),
                 values = branch_scale(block.attention.on_values, "values");
  if (architecture == Architecture::gpt2) {
    ScaleRow all = ScaleRow::Ones(3 * keys.size());
    all.segment(keys.size(), keys.size()) = keys;
    all.tail(keys.size()) = values;
    add_scale(adapter, module(names.together), all, false);
  } else {
    add_scale(adapter, module(names.key), keys, false);
    add_scale(adapter, module(names.value), values, false);
  }
  auto& active = block.branches[static_cast<std::size_t>(transformer::BranchPlace::activation)];
  add_scale(adapter, module(names.feed_out), branch_scale(active, "the activation"), true);
}

}  // namespace

ExportReport export_ia3(Model& model, const std::filesystem::path& folder, const Ia3Options& options, Probes probes) {
  OutputFolder output{folder, options.overwrite};
  const auto expected = without_branches(model);
  const bool is_gpt2 = model.config().architecture == Architecture::gpt2;
  const SharedBase base = load_shared_base(options.base, model.config().labels, model.encoder().config.together);
  Adapter adapter;
  index_t number = 0;
  for (auto& block : model.encoder().blocks) add_block(model, number++, block, adapter);
  const std::set<std::string> saved =
      add_saved_modules(model, base, "an adapter of (IA)3", "base_model.model.", adapter.tensors);

  const std::filesystem::path file = output.path() / "adapter_model.safetensors";
  pst::io::save_tensors(file, adapter.tensors);
  nlohmann::json config{{"peft_type", "IA3"},
                        {"task_type", is_gpt2 ? "CAUSAL_LM" : "SEQ_CLS"},
                        {"base_model_name_or_path", std::filesystem::absolute(options.base).string()},
                        {"target_modules", adapter.targets},
                        {"feedforward_modules", adapter.feed_forward},
                        {"fan_in_fan_out", is_gpt2},
                        {"inference_mode", true},
                        {"init_ia3_weights", true}};
  config["modules_to_save"] = saved.empty() ? nlohmann::json{} : nlohmann::json(saved);
  common::write_file(output.path() / "adapter_config.json", config.dump(2) + '\n');

  const auto found = apply_peft(output.path(), options.base);
  ExportReport report{.dense_bytes = dense_bytes(model)};
  report.difference = check_answers(*expected, *found, folder, probes);
  report.bytes = std::filesystem::file_size(file);
  output.commit();
  return report;
}

}  // namespace finetune
