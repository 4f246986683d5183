// SPDX-License-Identifier: Apache-2.0
#include "finetune/export/archive.hpp"

#include <pst/core/error.hpp>
#include <pst/io/elements.hpp>
#include <pst/io/safetensors_writer.hpp>
#include <pst/serve/sparse_export.hpp>

#include <list>
#include <nlohmann/json.hpp>

#include "common/files.hpp"
#include "finetune/export/output_folder.hpp"
#include "finetune/model/file_tensors.hpp"

namespace finetune {

namespace {

using pst::io::ElementType;

/// The name of a module: "x" of "x.weight".
std::string module_of(const std::string& weight) { return weight.substr(0, weight.rfind('.')); }

/// Tensors of a file, and the bytes they show.
class Entries {
 public:
  void add(std::string name, ElementType type, std::vector<index_t> shape, std::vector<std::byte> bytes) {
    bytes_.push_back(std::move(bytes));
    entries_.push_back({std::move(name), type, std::move(shape), bytes_.back()});
  }
  template <class T>
  void add(std::string name, std::vector<index_t> shape, const std::vector<T>& values) {
    const auto bytes = std::as_bytes(std::span{values});
    add(std::move(name), pst::io::element_type_of<T>(), std::move(shape), {bytes.begin(), bytes.end()});
  }
  [[nodiscard]] std::span<const pst::io::TensorEntry> list() const noexcept { return entries_; }

 private:
  std::list<std::vector<std::byte>> bytes_;
  std::vector<pst::io::TensorEntry> entries_;
};

/// Numbers are rounded first: one that rounds to zero takes no room.
void add_compressed(Entries& entries, const std::string& name, const FileTensor& tensor, ElementType type) {
  const index_t rows = tensor.shape[0], cols = tensor.shape[1];
  const std::vector<std::byte> rounded = stored(name, tensor, type);
  const auto values = pst::io::read_elements<float>({name, type, tensor.shape, rounded}, name);
  const auto packed = pst::to_bitmask<float>(rows, cols, values);
  const std::string module = module_of(name);
  entries.add(module + ".compressed", type, {static_cast<index_t>(packed.value.size())},
              pst::io::store_floats<float>(packed.value, type));
  entries.add(module + ".bitmask", {rows, (cols + 7) / 8}, packed.bitmask);
  entries.add(module + ".row_offsets", {rows}, packed.row_offsets);
  entries.add(module + ".shape", {2}, std::vector<std::int64_t>{rows, cols});
}

std::string archive_config(Model& model, ElementType type) {
  nlohmann::json json = nlohmann::json::parse(config_text(model.config(), torch_name(type)));
  double zeros = 0.0, size = 0.0;
  for (const LayerZeros& layer : count_zeros(model)) {
    zeros += static_cast<double>(layer.zeros);
    size += static_cast<double>(layer.size);
  }
  json["quantization_config"] = {
      {"quant_method", "compressed-tensors"},
      {"format", "dense"},
      {"sparsity_config",
       {{"format", "sparse-bitmask"},
        {"global_sparsity", zeros / size},
        {"sparsity_structure", "unstructured"},
        {"targets", {model.config().architecture == Architecture::gpt2 ? "Conv1D" : "Linear"}},
        {"ignore", model.config().architecture == Architecture::gpt2
                       ? nlohmann::json{"lm_head"}
                       : nlohmann::json{"re:.*pooler.*", "re:classifier.*"}}}}};
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
}

}  // namespace

ExportReport export_archive(Model& model, const std::filesystem::path& folder, const ExportOptions& options,
                            Probes probes) {
  model.refuse_added("an archive");
  OutputFolder output{folder, options.overwrite};
  const std::filesystem::path file = output.path() / "model.safetensors";
  {
    Entries entries;
    for (auto& [name, tensor] : file_tensors(model)) {
      if (tensor.is_layer_weight)
        add_compressed(entries, name, tensor, options.type);
      else
        entries.add(name, options.type, tensor.shape, stored(name, tensor, options.type));
      tensor.values = {};  // a whole model is large
    }
    pst::io::write_safetensors(file, entries.list());
  }
  common::write_file(output.path() / "config.json", archive_config(model, options.type));
  if (!options.base.empty()) copy_tokenizer_files(options.base, output.path());

  const auto again = load_archive(output.path(), model.encoder().config.together);
  ExportReport report = check_export(model, *again, options.type, folder, probes);
  report.bytes = std::filesystem::file_size(file);
  output.commit();
  return report;
}

}  // namespace finetune
