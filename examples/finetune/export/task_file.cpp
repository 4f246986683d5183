// SPDX-License-Identifier: Apache-2.0
#include "finetune/export/task_file.hpp"

#include <pst/core/error.hpp>
#include <pst/io/checksum.hpp>
#include <pst/io/strict_json.hpp>
#include <pst/io/tensor_file.hpp>
#include <pst/layer/training_state.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>

#include "finetune/export/apply_layer.hpp"
#include "finetune/export/base_folder.hpp"
#include "finetune/export/branch_text.hpp"
#include "finetune/export/output_folder.hpp"
#include "finetune/export/tensor_faults.hpp"
#include "finetune/model/names.hpp"

namespace finetune {

namespace fs = std::filesystem;

namespace {

constexpr const char* kind = "pst task file";
constexpr const char* version = "2";
constexpr const char* not_this = "the task file of this base";
constexpr const char* first_version = "1";  ///< every layer has tensors, plain ones are not listed

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
  for (pst::Tensor& tensor : layer.layer.save()) {
    const bool is_score = tensor.name.starts_with("score.");
    pst::require(!scores || tensor.name != "score.S", "layer ", layer.name,
                 ": has a score for every weight, which a small task file cannot hold: leave the scores out");
    if (tensor.name == "bias" || (is_score && !scores)) continue;  // biases are told from those of the base
    const bool is_of_mask = tensor.name == "mask" || tensor.name == "shape" || tensor.name == "sparsity";
    if (is_of_mask && !prunes) continue;
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

/// What a task file says of itself.
struct Heading {
  double scale = 1.0;
  std::string base, fingerprint;
  bool together = false;
  bool lists_contents = true;
  std::vector<PlacedBranch> branches;
  std::optional<PlacedTokens> tokens;
  std::vector<std::string> labels, layers, plain;  ///< names of labels, and of what the file has tensors for
};

/// A list of texts in the metadata.
std::vector<std::string> read_list(const std::string& text, const std::string& what) {
  const nlohmann::json list = pst::io::strict_json(text, what, 1);
  pst::require(list.is_array(), what, " is no list");
  std::vector<std::string> names;
  for (const nlohmann::json& name : list) {
    pst::require(name.is_string(), what, " holds something that is no text");
    names.push_back(name.get<std::string>());
  }
  return names;
}

Heading read_heading(const pst::io::Safetensors& file) {
  const auto text = [&](const char* key) -> const std::string& {
    const auto found = file.metadata().find(key);
    pst::require(found != file.metadata().end(), file.source(), ": has no ", key, " in its metadata, so it is no ",
                 kind);
    return found->second;
  };
  const auto shown = [](const std::string& value) { return '"' + pst::io::printable(value) + '"'; };
  const std::string &own_kind = text("kind"), &own_version = text("version");
  pst::require(own_kind == kind && (own_version == version || own_version == first_version), file.source(), ": is ",
               shown(own_kind), " of version ", shown(own_version), ", expected \"", kind, "\" of version \"", version,
               '"');
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
  heading.labels = read_list(text("labels"), file.source() + ": the list of labels");
  heading.lists_contents = own_version != first_version;
  if (!heading.lists_contents) return heading;
  heading.branches = read_branches(text("branches"), file.source() + ": the list of branches");
  if (const auto tokens = file.metadata().find("virtual_tokens"); tokens != file.metadata().end())
    heading.tokens = read_tokens(tokens->second, file.source() + ": the description of virtual tokens");
  heading.layers = read_list(text("layers"), file.source() + ": the list of layers");
  heading.plain = read_list(text("plain"), file.source() + ": the list of other tensors");
  return heading;
}

/// The tensors of a file: those of each layer, and all others.
struct Contents {
  std::map<std::string, pst::TensorList> of_layers;
  std::map<std::string, pst::Tensor> plain;
};
Contents read_contents(const pst::io::Safetensors& file) {
  Contents contents;
  for (const pst::io::TensorEntry& entry : file.entries()) {
    pst::Tensor tensor = pst::io::tensor_from(entry, file.source());
    const std::size_t slash = tensor.name.rfind('/');
    if (slash == std::string::npos) {
      contents.plain.emplace(entry.name, std::move(tensor));
      continue;
    }
    const std::string layer = tensor.name.substr(0, slash);
    tensor.name.erase(0, slash + 1);
    contents.of_layers[layer].push_back(std::move(tensor));
  }
  return contents;
}

/// Everything of a model but the weights of its linear layers, branches and virtual tokens too.
std::map<std::string, pst::MatrixView<float>> plain_views(Model& model) {
  std::map<std::string, pst::MatrixView<float>> views;
  for (const auto& [name, value] : plain_tensors(model)) views[name] = transformer::view(*value);
  for (const ModelParameter& each : model.parameters())
    if (is_added(each.part)) views[each.name] = each.parameter.value;
  return views;
}

bool contains(const std::vector<std::string>& list, const std::string& name) {
  return std::ranges::find(list, name) != list.end();
}

/// A bottleneck is not allocated before the file has shown one of its width in every block.
void check_widths(const Contents& contents, const Heading& heading, const ModelConfig& config, TensorFaults& faults) {
  for (const PlacedBranch& each : heading.branches) {
    const auto* const bottleneck = std::get_if<pst::Bottleneck>(&each.policy);
    if (bottleneck == nullptr) continue;
    for (index_t block = 0; block < config.blocks; ++block) {
      const std::string own = "adapter." + std::string{transformer::name_of(each.place)} + ".down";
      const std::string name =
          std::string{prefix_of(config.architecture)} + encoder_names(config.architecture).in_block(block, own);
      const auto found = contents.plain.find(name);
      if (found == contents.plain.end())
        faults.missing(name);
      else if (const auto& shape = found->second.shape;
               shape.size() != 2 || shape[0] != bottleneck->width || shape[1] < config.width)
        faults.misshaped(name, std::to_string(bottleneck->width) + " rows of at least " + std::to_string(config.width));
    }
  }
}

/// The tensor of virtual tokens.
std::string name_of_tokens(const PlacedTokens& tokens, const ModelConfig& config) {
  return std::string{prefix_of(config.architecture)} + tokens.name() + ".embeddings";
}
/// Virtual tokens are not allocated before the file has shown as many.
void check_tokens(const Contents& contents, const Heading& heading, const ModelConfig& config, TensorFaults& faults) {
  if (!heading.tokens) return;
  const std::string name = name_of_tokens(*heading.tokens, config);
  const std::vector<index_t> expected{heading.tokens->count, heading.tokens->features(config)};
  const auto found = contents.plain.find(name);
  if (found == contents.plain.end())
    faults.missing(name);
  else if (found->second.dtype != pst::dtype_of<float> || found->second.shape != expected)
    faults.misshaped(name, sides_text(expected));
}

void check_plain(const Contents& contents, const Heading& heading, const SharedBase& base, TensorFaults& faults) {
  std::set<std::string> expected = base.made_new;
  expected.insert(heading.plain.begin(), heading.plain.end());
  for (const std::string& name : expected)
    if (!contents.plain.contains(name)) faults.missing(name);
  const auto of_model = plain_views(*base.model);
  for (const auto& [name, tensor] : contents.plain) {
    const auto at = of_model.find(name);
    if (at == of_model.end() || (heading.lists_contents && !expected.contains(name))) {
      faults.unknown(name);
      continue;
    }
    const pst::MatrixView<float> value = at->second;
    if (tensor.dtype != pst::dtype_of<float> || tensor.shape != std::vector{value.rows, value.cols})
      faults.misshaped(name, sides_text({value.rows, value.cols}));
  }
}

void check_layers(const Contents& contents, const Heading& heading, const SharedBase& base, TensorFaults& faults) {
  std::set<std::string> known;
  base.model->for_each_layer([&](Layer& layer) {
    known.insert(layer.name);
    const bool is_expected = !heading.lists_contents || contains(heading.layers, layer.name);
    const auto found = contents.of_layers.find(layer.name);
    if (is_expected && found == contents.of_layers.end()) faults.missing("layer " + layer.name);
    if (!is_expected && found != contents.of_layers.end()) faults.unknown("layer " + layer.name);
    if (found == contents.of_layers.end()) return;
    for (const pst::Tensor& tensor : found->second)
      if (!is_of_layer(tensor.name))
        faults.unknown(layer.name + "/" + tensor.name);
      else if (!fits_layer(tensor, layer.layer.shape()))
        faults.misshaped(layer.name + "/" + tensor.name,
                         "to fit " + sides_text({layer.layer.shape().out, layer.layer.shape().in}));
  });
  for (const auto& [name, tensors] : contents.of_layers)
    if (!known.contains(name)) faults.unknown("layer " + name);
  for (const std::string& name : heading.layers)
    if (!known.contains(name)) faults.missing("in the base, layer " + name);
}

/// Puts the plain tensors of a file into a model.
void put_plain_tensors(const Contents& contents, const std::string& source, Model& model) {
  const auto of_model = plain_views(model);
  for (const auto& [name, tensor] : contents.plain) {
    const pst::MatrixView<float> value = of_model.at(name);
    pst::detail::check_tensor(tensor, source, value);
    const std::vector<float> values = tensor.values<float>();
    std::copy(values.begin(), values.end(), value.data);
  }
}

/// What a task file says of itself, as `read_heading` reads it.
std::map<std::string, std::string> metadata_of(Model& model, const TaskFileOptions& options, const SharedBase& base,
                                               const std::vector<std::string>& layers,
                                               const std::set<std::string>& plain, const pst::TensorList& tensors) {
  std::map<std::string, std::string> metadata{{"kind", kind},
                                              {"version", version},
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
  if (model.virtual_tokens()) metadata["virtual_tokens"] = tokens_text(*model.virtual_tokens());
  return metadata;
}

}  // namespace

std::unique_ptr<Model> apply_task_file(const fs::path& path, const fs::path& folder) {
  const pst::io::Safetensors file = pst::io::Safetensors::open(path);
  const Heading heading = read_heading(file);
  pst::io::check_checksum(file);
  SharedBase base = load_shared_base(folder, heading.labels, heading.together);
  pst::require(base.fingerprint == heading.fingerprint, file.source(), ": was made for the base \"",
               pst::io::printable(heading.base), "\" with the fingerprint ", pst::io::printable(heading.fingerprint),
               ", but ", folder.string(), " has ", base.fingerprint,
               ": give the folder that the task was trained from");
  const Contents contents = read_contents(file);
  TensorFaults faults;
  check_widths(contents, heading, base.model->config(), faults);
  check_tokens(contents, heading, base.model->config(), faults);
  faults.refuse(file.source(), not_this);
  base.model->put_branches(heading.branches, 1);
  if (heading.tokens) base.model->put_virtual_tokens(*heading.tokens, 1);
  check_plain(contents, heading, base, faults);
  check_layers(contents, heading, base, faults);
  faults.refuse(file.source(), not_this);
  put_plain_tensors(contents, file.source(), *base.model);
  base.model->for_each_layer([&](Layer& layer) {
    const auto own = contents.of_layers.find(layer.name);
    if (own == contents.of_layers.end()) return;
    try {
      apply_layer(layer, own->second, heading.scale);
    } catch (const pst::Error& error) {
      pst::fail(file.source(), ": ", error.what());
    }
  });
  base.model->refresh(1.0);
  return std::move(base.model);
}

ExportReport export_task_file(Model& model, const fs::path& file, const TaskFileOptions& options, Probes probes) {
  if (options.overwrite && std::filesystem::is_regular_file(file))  // nothing but a task file is replaced
    static_cast<void>(read_heading(pst::io::Safetensors::open(file)));
  OutputFile output{file, options.overwrite};
  const SharedBase base = load_shared_base(options.base, model.config().labels, model.encoder().config.together);
  refuse_whole_model(model);
  pst::TensorList tensors;
  std::vector<std::string> layers;
  const auto plain = plain_tensors(model);
  std::set<std::string> trained = trained_tensors(model, base);
  for (const std::string& name : trained) tensors.push_back(tensor_of(name, transformer::view(*plain.at(name))));
  for (const ModelParameter& each : model.parameters())
    if (each.part == Part::branch && trained.insert(each.name).second)
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
