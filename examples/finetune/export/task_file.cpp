// SPDX-License-Identifier: Apache-2.0
#include "finetune/export/task_file.hpp"

#include <pst/core/error.hpp>
#include <pst/io/strict_json.hpp>
#include <pst/io/tensor_file.hpp>
#include <pst/layer/training_state.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "finetune/export/apply_layer.hpp"
#include "finetune/export/base_folder.hpp"
#include "finetune/export/output_folder.hpp"

namespace finetune {

namespace fs = std::filesystem;

namespace {

constexpr const char* kind = "pst task file";
constexpr const char* version = "1";

/// The tensors of a layer that the file holds.
pst::TensorList own_tensors(Layer& layer, bool scores) {
  pst::TensorList own;
  for (pst::Tensor& tensor : layer.layer.save()) {
    pst::require(tensor.name != "weight", "layer ", layer.name,
                 ": the weight itself has trained, so a task file would be as large as the model: write a folder or an "
                 "archive");
    const bool is_score = tensor.name.starts_with("score.");
    pst::require(!scores || tensor.name != "score.S", "layer ", layer.name,
                 ": has a score for every weight, which a small task file cannot hold: leave the scores out");
    if (tensor.name == "bias" || (is_score && !scores)) continue;  // biases are told from those of the base
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

pst::Tensor tensor_of(std::string name, const Matrix& value) {
  return pst::Tensor::from<float>(std::move(name), {value.rows(), value.cols()},
                                  {value.data(), static_cast<std::size_t>(value.size())});
}

/// What a task file says of itself.
struct Heading {
  double scale = 1.0;
  std::string base, fingerprint;
  bool together = false;
  std::vector<std::string> labels;
};

Heading read_heading(const pst::io::Safetensors& file) {
  const auto text = [&](const char* key) -> const std::string& {
    const auto found = file.metadata().find(key);
    pst::require(found != file.metadata().end(), file.source(), ": has no ", key, " in its metadata, so it is no ",
                 kind);
    return found->second;
  };
  const auto shown = [](const std::string& value) { return '"' + pst::io::printable(value) + '"'; };
  const std::string &own_kind = text("kind"), &own_version = text("version");
  pst::require(own_kind == kind && own_version == version, file.source(), ": is ", shown(own_kind), " of version ",
               shown(own_version), ", expected \"", kind, "\" of version \"", version, '"');
  Heading heading;
  heading.base = text("base");
  heading.fingerprint = text("base_fingerprint");
  const std::string &scale = text("scale"), &together = text("together");
  const auto [end, error] = std::from_chars(scale.data(), scale.data() + scale.size(), heading.scale);
  pst::require(error == std::errc{} && end == scale.data() + scale.size() && std::isfinite(heading.scale),
               file.source(), ": the scale is ", shown(scale), ", expected a finite number");
  pst::require(together == "true" || together == "false", file.source(), ": together is ", shown(together),
               ", expected \"true\" or \"false\"");
  heading.together = together == "true";
  const nlohmann::json labels = pst::io::strict_json(text("labels"), file.source() + ": the list of labels", 1);
  pst::require(labels.is_array(), file.source(), ": the labels are no list");
  for (const nlohmann::json& label : labels) {
    pst::require(label.is_string(), file.source(), ": a label is no text");
    heading.labels.push_back(label.get<std::string>());
  }
  return heading;
}

/// Puts the plain tensors of a file into a model, and says which of a layer's are left.
std::map<std::string, pst::TensorList> put_plain_tensors(const pst::io::Safetensors& file, const SharedBase& base) {
  std::map<std::string, pst::TensorList> of_layers;
  auto plain = plain_tensors(*base.model);
  std::set<std::string> missing = base.made_new;
  for (const pst::io::TensorEntry& entry : file.entries()) {
    pst::Tensor tensor = pst::io::tensor_from(entry, file.source());
    if (const std::size_t slash = tensor.name.rfind('/'); slash != std::string::npos) {
      const std::string layer = tensor.name.substr(0, slash);
      tensor.name.erase(0, slash + 1);
      of_layers[layer].push_back(std::move(tensor));
      continue;
    }
    const std::string what = pst::io::tensor_in(file.source(), entry.name);
    const auto at = plain.find(entry.name);
    pst::require(at != plain.end(), what, " is none of the model's");
    pst::detail::check_tensor(tensor, file.source(), transformer::view(*at->second));
    const std::vector<float> values = tensor.values<float>();
    std::copy(values.begin(), values.end(), at->second->data());
    missing.erase(entry.name);
  }
  pst::require(missing.empty(), file.source(), ": has no tensor \"", missing.empty() ? "" : *missing.begin(),
               "\", which the base does not have either");
  return of_layers;
}

}  // namespace

std::unique_ptr<Model> apply_task_file(const fs::path& path, const fs::path& folder) {
  const pst::io::Safetensors file = pst::io::Safetensors::open(path);
  const Heading heading = read_heading(file);
  SharedBase base = load_shared_base(folder, heading.labels, heading.together);
  pst::require(base.fingerprint == heading.fingerprint, file.source(), ": was made for the base \"",
               pst::io::printable(heading.base), "\" with the fingerprint ", pst::io::printable(heading.fingerprint),
               ", but ", folder.string(), " has ", base.fingerprint,
               ": give the folder that the task was trained from");
  auto of_layers = put_plain_tensors(file, base);
  base.model->for_each_layer([&](Layer& layer) {
    const auto own = of_layers.find(layer.name);
    pst::require(own != of_layers.end(), file.source(), ": has nothing for layer ", layer.name);
    try {
      apply_layer(layer, own->second, heading.scale);
    } catch (const pst::Error& error) {
      pst::fail(file.source(), ": ", error.what());
    }
    of_layers.erase(own);
  });
  pst::require(of_layers.empty(), file.source(), ": has tensors for ",
               of_layers.empty() ? "" : pst::io::printable(of_layers.begin()->first),
               ", which is no layer of the model");
  base.model->refresh(1.0);
  return std::move(base.model);
}

ExportReport export_task_file(Model& model, const fs::path& file, const TaskFileOptions& options, Probes probes) {
  if (options.overwrite && std::filesystem::is_regular_file(file))  // nothing but a task file is replaced
    static_cast<void>(read_heading(pst::io::Safetensors::open(file)));
  OutputFile output{file, options.overwrite};
  const bool together = model.encoder().config.together;
  const SharedBase base = load_shared_base(options.base, model.config().labels, together);
  pst::TensorList tensors;
  const auto plain = plain_tensors(model);
  for (const std::string& name : trained_tensors(model, base)) tensors.push_back(tensor_of(name, *plain.at(name)));
  model.for_each_layer([&](Layer& layer) {
    for (pst::Tensor& tensor : own_tensors(layer, options.scores)) tensors.push_back(std::move(tensor));
  });
  pst::io::save_tensors(output.path(), tensors,
                        {{"kind", kind},
                         {"version", version},
                         {"scale", text_of(options.scale)},
                         {"base", base_name(options.base)},
                         {"base_fingerprint", base.fingerprint},
                         {"together", together ? "true" : "false"},
                         {"labels", nlohmann::json(model.config().labels).dump()},
                         {"settings", options.settings}});

  const auto again = apply_task_file(output.path(), options.base);
  ExportReport report = check_export(model, *again, pst::io::ElementType::f32, file, probes);
  report.bytes = fs::file_size(output.path());
  output.commit();
  return report;
}

}  // namespace finetune
