// SPDX-License-Identifier: Apache-2.0
#include "finetune/export/task_contents.hpp"

#include <pst/core/error.hpp>
#include <pst/io/checksum.hpp>
#include <pst/io/strict_json.hpp>
#include <pst/io/tensor_file.hpp>
#include <pst/layer/training_state.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "finetune/export/apply_layer.hpp"
#include "finetune/export/branch_text.hpp"
#include "finetune/export/tensor_faults.hpp"
#include "finetune/model/names.hpp"

namespace finetune {

namespace {

constexpr const char* first_version = "1";  ///< every layer has tensors, plain ones are not listed
constexpr const char* not_this = "the task file of this base";

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

TaskHeading heading_of(const pst::io::Safetensors& file) {
  const auto text = [&](const char* key) -> const std::string& {
    const auto found = file.metadata().find(key);
    pst::require(found != file.metadata().end(), file.source(), ": has no ", key, " in its metadata, so it is no ",
                 task_file_kind);
    return found->second;
  };
  const auto shown = [](const std::string& value) { return '"' + pst::io::printable(value) + '"'; };
  const std::string &own_kind = text("kind"), &own_version = text("version");
  pst::require(own_kind == task_file_kind && (own_version == task_file_version || own_version == first_version),
               file.source(), ": is ", shown(own_kind), " of version ", shown(own_version), ", expected \"",
               task_file_kind, "\" of version \"", task_file_version, '"');
  TaskHeading heading;
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
  if (const auto intrinsic = file.metadata().find("intrinsic"); intrinsic != file.metadata().end())
    heading.intrinsic = read_intrinsic(intrinsic->second, file.source() + ": the description of the vector");
  heading.layers = read_list(text("layers"), file.source() + ": the list of layers");
  heading.plain = read_list(text("plain"), file.source() + ": the list of other tensors");
  return heading;
}

/// Everything of a model but the weights of its linear layers, branches and virtual tokens too.
std::map<std::string, pst::MatrixView<float>> plain_views(Model& model) {
  std::map<std::string, pst::MatrixView<float>> views;
  for (const auto& [name, value] : plain_tensors(model)) views[name] = transformer::view(*value);
  for (const ModelParameter& each : model.parameters())
    if (is_added(each.part)) views[each.name] = each.parameter.value;
  return views;
}

bool contains_name(const std::vector<std::string>& list, const std::string& name) {
  return std::ranges::find(list, name) != list.end();
}

void check_plain(const std::map<std::string, pst::Tensor>& plain, const TaskHeading& heading, const SharedBase& base,
                 TensorFaults& faults) {
  std::set<std::string> expected = base.made_new;
  expected.insert(heading.plain.begin(), heading.plain.end());
  const std::string vector = heading.intrinsic ? name_of_vector(base.model->config()) : std::string{};
  if (heading.intrinsic) expected.insert(vector);
  for (const std::string& name : expected)
    if (!plain.contains(name)) faults.missing(name);
  const auto of_model = plain_views(*base.model);
  for (const auto& [name, tensor] : plain) {
    if (name == vector) {
      const std::vector<index_t> sides{1, heading.intrinsic->dimension.size};
      if (tensor.dtype != pst::dtype_of<float> || tensor.shape != sides) faults.misshaped(name, sides_text(sides));
      continue;
    }
    const auto at = of_model.find(name);
    const bool is_listed = !heading.lists_contents || expected.contains(name);
    if (at == of_model.end() || !is_listed || is_embedding(base.model->config(), name)) {
      faults.unknown(name);
      continue;
    }
    const pst::MatrixView<float> value = at->second;
    if (tensor.dtype != pst::dtype_of<float> || tensor.shape != std::vector{value.rows, value.cols})
      faults.misshaped(name, sides_text({value.rows, value.cols}));
  }
}

void check_layers(const std::map<std::string, pst::TensorList>& of_layers, const TaskHeading& heading,
                  const SharedBase& base, TensorFaults& faults) {
  std::set<std::string> known;
  base.model->for_each_layer([&](Layer& layer) {
    known.insert(layer.name);
    const bool is_expected = !heading.lists_contents || contains_name(heading.layers, layer.name);
    const auto found = of_layers.find(layer.name);
    if (is_expected && found == of_layers.end()) faults.missing("layer " + layer.name);
    if (!is_expected && found != of_layers.end()) faults.unknown("layer " + layer.name);
    if (found == of_layers.end()) return;
    for (const pst::Tensor& tensor : found->second)
      if (!is_of_layer(tensor.name))
        faults.unknown(layer.name + "/" + tensor.name);
      else if (!fits_layer(tensor, layer.layer.shape()))
        faults.misshaped(layer.name + "/" + tensor.name,
                         "to fit " + sides_text({layer.layer.shape().out, layer.layer.shape().in}));
  });
  for (const auto& [name, tensors] : of_layers)
    if (!known.contains(name)) faults.unknown("layer " + name);
  if (heading.intrinsic)
    for (const std::string& name : heading.intrinsic->layers)
      if (!known.contains(name)) faults.missing("in the base, layer " + name);
  for (const std::string& name : heading.layers)
    if (!known.contains(name)) faults.missing("in the base, layer " + name);
}

/// A matrix that a file should have; more is right where it says at least.
struct Sides {
  std::string name;
  index_t rows, cols;
  bool least_rows = false, least_cols = false;
};
void check_sides(const std::map<std::string, pst::Tensor>& plain, const Sides& sides, TensorFaults& faults) {
  const auto found = plain.find(sides.name);
  if (found == plain.end()) return faults.missing(sides.name);
  const auto fits = [](index_t side, index_t expected, bool least) {
    return least ? side >= expected : side == expected;
  };
  const auto& shape = found->second.shape;
  if (shape.size() != 2 || !fits(shape[0], sides.rows, sides.least_rows) ||
      !fits(shape[1], sides.cols, sides.least_cols))
    faults.misshaped(sides.name, (sides.least_rows ? "at least " : "") + std::to_string(sides.rows) + " rows of " +
                                     (sides.least_cols ? "at least " : "") + std::to_string(sides.cols));
}

/// What of a branch called `name` shows how wide it is, in a model of width `d`.
std::vector<Sides> sides_of(const pst::Rescale&, const std::string&, index_t) { return {}; }
std::vector<Sides> sides_of(const pst::Bottleneck& branch, const std::string& name, index_t d) {
  return {{.name = name + ".down", .rows = branch.width, .cols = d, .least_cols = true}};
}
std::vector<Sides> sides_of(const transformer::LowRankBottleneck& branch, const std::string& name, index_t d) {
  return {{.name = name + ".down.left", .rows = branch.width, .cols = branch.projection.rank},
          {.name = name + ".down.right", .rows = branch.projection.rank, .cols = d, .least_cols = true}};
}
std::vector<Sides> sides_of(const transformer::KroneckerBottleneck& branch, const std::string& name, index_t d) {
  const pst::KroneckerProjection& of = branch.projection;
  std::vector<Sides> sides{{.name = name + ".down.left", .rows = d, .cols = of.rank, .least_rows = true},
                           {.name = name + ".down.right", .rows = of.parts * of.rank, .cols = branch.width / of.parts}};
  if (!of.shares_rule) sides.push_back({.name = name + ".down.rule", .rows = of.parts * of.parts, .cols = of.parts});
  return sides;
}

}  // namespace

TaskHeading read_task_heading(const std::filesystem::path& file) {
  return heading_of(pst::io::Safetensors::open(file));
}

std::string name_of_tokens(const PlacedTokens& tokens, const ModelConfig& config) {
  return std::string{prefix_of(config.architecture)} + tokens.name() + ".embeddings";
}

TaskContents::TaskContents(const std::filesystem::path& path) {
  const pst::io::Safetensors file = pst::io::Safetensors::open(path);
  source_ = file.source();
  heading_ = heading_of(file);
  pst::io::check_checksum(file);
  for (const pst::io::TensorEntry& entry : file.entries()) {
    pst::Tensor tensor = pst::io::tensor_from(entry, source_);
    const std::size_t slash = tensor.name.rfind('/');
    if (slash == std::string::npos) {
      plain_.emplace(entry.name, std::move(tensor));
      continue;
    }
    const std::string layer = tensor.name.substr(0, slash);
    tensor.name.erase(0, slash + 1);
    of_layers_[layer].push_back(std::move(tensor));
  }
}

/// Bottlenecks and virtual tokens are not allocated before the file has shown as many numbers. A bottleneck that is
/// made from factors is no wider than the model, since its weight is larger than they are.
void TaskContents::check_widths(const ModelConfig& config) const {
  TensorFaults faults;
  const auto check = [&](const std::string& name, const auto& policy) {
    for (const Sides& sides : sides_of(policy, name, config.width)) check_sides(plain_, sides, faults);
    if constexpr (requires { policy.projection.rank; })
      pst::require(policy.width <= config.width, source_, ": has a bottleneck of ", policy.width,
                   " features that is made from factors, expected at most the ", config.width, " of the model");
  };
  for (const PlacedBranch& each : heading_.branches)
    for (index_t block = 0; block < config.blocks; ++block) {
      const std::string own = "adapter." + std::string{transformer::name_of(each.place)};
      const std::string name =
          std::string{prefix_of(config.architecture)} + encoder_names(config.architecture).in_block(block, own);
      std::visit([&](const auto& policy) { check(name, policy); }, each.policy);
    }
  if (heading_.tokens) {
    const std::string name = name_of_tokens(*heading_.tokens, config);
    const std::vector<index_t> expected{heading_.tokens->count, heading_.tokens->features(config)};
    const auto found = plain_.find(name);
    if (found == plain_.end())
      faults.missing(name);
    else if (found->second.dtype != pst::dtype_of<float> || found->second.shape != expected)
      faults.misshaped(name, sides_text(expected));
  }
  faults.refuse(source_, not_this);
}

void TaskContents::check_tensors(const SharedBase& base) const {
  TensorFaults faults;
  check_plain(plain_, heading_, base, faults);
  check_layers(of_layers_, heading_, base, faults);
  faults.refuse(source_, not_this);
}

/// What each layer that is not as in the base gave: of a projection, the weight that it makes.
std::map<std::string, pst::TensorList> TaskContents::states_of(Model& model) const {
  std::map<std::string, pst::TensorList> states = of_layers_;
  for (const auto& [layer, tensors] : states)
    for (const pst::Tensor& tensor : tensors)
      pst::require(
          tensor.name != "delta.lambda" || (heading_.intrinsic && contains_name(heading_.intrinsic->layers, layer)),
          source_, ": layer ", layer, " has ", tensor.name, ", but is no projection of a vector");
  if (!heading_.intrinsic) return states;
  const IntrinsicPart& part = *heading_.intrinsic;
  transformer::IntrinsicLayers shared{part.dimension};
  const pst::Tensor& vector = plain_.at(name_of_vector(model.config()));
  pst::detail::check_tensor(vector, source_, shared.parameter().value);
  std::ranges::copy(vector.values<float>(), shared.parameter().value.data);
  model.for_each_layer([&](Layer& layer) {
    if (!contains_name(part.layers, layer.name)) return;
    auto made = shared.make(layer.name, layer.layer.shape(), part.keeps_zeros);
    made.attach(layer.lent.data != nullptr ? layer.lent : transformer::view(std::as_const(layer.weight)));
    made.refresh(1.0);
    pst::TensorList state = made.save();
    for (const pst::Tensor& own : states[layer.name]) {
      const auto at = std::ranges::find(state, own.name, &pst::Tensor::name);
      pst::require(at != state.end() && own.name == "delta.lambda", source_, ": layer ", layer.name,
                   " is a projection, but has the tensor ", own.name);
      *at = own;
    }
    made.restore(state);
    Matrix weight(layer.layer.shape().out, layer.layer.shape().in);
    made.export_masked(transformer::view(weight));
    states[layer.name] = {pst::Tensor::from<float>("weight", {weight.rows(), weight.cols()},
                                                   {weight.data(), static_cast<std::size_t>(weight.size())})};
  });
  return states;
}

void TaskContents::put_into(SharedBase& base, const std::filesystem::path& folder, const ApplyLayer& apply) const {
  pst::require(base.fingerprint == heading_.fingerprint, source_, ": was made for the base \"",
               pst::io::printable(heading_.base), "\" with the fingerprint ", pst::io::printable(heading_.fingerprint),
               ", but ", folder.string(), " has ", base.fingerprint,
               ": give the folder that the task was trained from");
  Model& model = *base.model;
  check_widths(model.config());
  try {
    model.put_branches(heading_.branches, 1);
  } catch (const pst::Error& error) {
    pst::fail(source_, ": ", error.what());
  }
  if (heading_.tokens) model.put_virtual_tokens(*heading_.tokens, 1);
  check_tensors(base);
  const auto of_model = plain_views(model);
  for (const auto& [name, tensor] : plain_) {
    if (!of_model.contains(name)) continue;  // the vector of an intrinsic dimension
    const pst::MatrixView<float> value = of_model.at(name);
    pst::detail::check_tensor(tensor, source_, value);
    const std::vector<float> values = tensor.values<float>();
    std::copy(values.begin(), values.end(), value.data);
  }
  const std::map<std::string, pst::TensorList> states = states_of(model);
  model.for_each_layer([&](Layer& layer) {
    const auto own = states.find(layer.name);
    if (own == states.end()) return;
    try {
      apply(layer, own->second, heading_.scale);
    } catch (const pst::Error& error) {
      pst::fail(source_, ": ", error.what());
    }
  });
  model.refresh(1.0);
}

}  // namespace finetune
