// SPDX-License-Identifier: Apache-2.0
#include "finetune/export/adapters_folder.hpp"

#include <pst/core/error.hpp>
#include <pst/io/tensor_file.hpp>

#include <algorithm>
#include <cstring>
#include <set>

#include "common/files.hpp"
#include "finetune/export/adapter_tensors.hpp"
#include "finetune/export/adapters_config.hpp"
#include "finetune/export/base_folder.hpp"
#include "finetune/export/compressed_body.hpp"
#include "finetune/export/output_folder.hpp"
#include "finetune/model/file_tensors.hpp"
#include "finetune/model/folder.hpp"

namespace finetune {

namespace fs = std::filesystem;

namespace {

constexpr const char* library_form = "an adapter of the library adapters";
constexpr const char* weights_file = "adapter.safetensors";
constexpr const char* head_file = "model_head.safetensors";
constexpr const char* head_name = "pst";  ///< of the adapter and its head, where we name it

/// A tensor of an adapter: what it is called in a model, and in a file, and its shape there.
struct StoredPair {
  std::string own, file;
  FileShape shape;
};

/// Those of a projection, from `in` features to `out`.
void add_projection(std::vector<StoredPair>& list, const pst::DenseProjection&, const StoredPair& at, index_t in,
                    index_t out) {
  list.push_back({at.own, at.file + "weight", {out, in}});
  list.push_back({at.own + "_bias", at.file + "bias", {out}});
}
void add_projection(std::vector<StoredPair>& list, const pst::KroneckerProjection& of, const StoredPair& at, index_t in,
                    index_t out) {
  list.push_back({at.own + ".left", at.file + "W_left", {of.parts, in / of.parts, of.rank}});
  list.push_back({at.own + ".right", at.file + "W_right", {of.parts, of.rank, out / of.parts}});
  list.push_back({at.own + "_bias", at.file + "b", {out}});
  if (!of.shares_rule) list.push_back({at.own + ".rule", at.file + "phm_rule", {of.parts, of.parts, of.parts}});
}

/// The module of the library in which a branch of a block lies.
std::string library_module(Architecture architecture, transformer::BranchPlace place) {
  const bool behind_attention = place == transformer::BranchPlace::after_attention;
  if (architecture == Architecture::gpt2) return behind_attention ? "attention_adapters" : "output_adapters";
  return behind_attention ? "attention.output" : "output";
}

/// Every tensor of the branches of a model, in the order of the blocks, and what they share.
std::vector<StoredPair> pairs_of(const AdaptersConfig& config, const ModelConfig& base) {
  std::vector<StoredPair> list;
  const std::string prefix{prefix_of(base.architecture)};
  const auto names = [&](index_t block, const std::string& layer) {
    return prefix + encoder_names(base.architecture).in_block(block, layer);
  };
  index_t parts = 0;  // of what is shared
  for (const PlacedBranch& each : config.branches)
    for (index_t block = 0; block < base.blocks; ++block) {
      const std::string own = names(block, "adapter." + std::string{transformer::name_of(each.place)});
      const std::string file = names(block, library_module(base.architecture, each.place)) + ".adapters." + config.name;
      const auto add = [&](const auto& policy) {
        if constexpr (requires { add_projection(list, policy.projection, StoredPair{}, 1, 1); }) {
          const index_t d = base.width;
          add_projection(list, policy.projection, {own + ".down", file + ".adapter_down.0.", {}}, d, policy.width);
          add_projection(list, policy.projection, {own + ".up", file + ".adapter_up.", {}}, policy.width, d);
        }
      };
      std::visit(add, each.policy);
      if (const auto* const kronecker = std::get_if<transformer::KroneckerBottleneck>(&each.policy))
        parts = kronecker->projection.shares_rule ? kronecker->projection.parts : 0;
    }
  if (parts > 0)
    list.push_back(
        {prefix + "adapter.rule", prefix + "shared_parameters." + config.name + ".phm_rule", {parts, parts, parts}});
  return list;
}

/// The tensors of a head. One with a pooler has the layers 1 and 4 of dropout, linear, tanh, dropout, linear.
std::vector<StoredPair> pairs_of_head(const AdaptersHead& head, const ModelConfig& base, index_t labels) {
  const index_t d = base.width;
  const bool is_bert = base.architecture == Architecture::bert;
  const std::string pooler = is_bert ? "bert.pooler.dense." : "classifier.dense.";
  const std::string output{output_module(base.architecture)}, front = "heads." + head.name + '.';
  const bool is_own = head.name.empty();  // of the model's class: names are those of the model
  std::vector<StoredPair> list{
      {output + "weight", (is_own ? output : front + (head.has_pooler ? "4." : "1.")) + "weight", {labels, d}},
      {output + "bias", (is_own ? output : front + (head.has_pooler ? "4." : "1.")) + "bias", {labels}}};
  if (!head.has_pooler && (!is_own || is_bert)) return list;
  const std::string first = is_own ? pooler : front + "1.";
  list.push_back({pooler + "weight", first + "weight", {d, d}});
  list.push_back({pooler + "bias", first + "bias", {d}});
  return list;
}

using OwnNumbers = std::map<std::string, std::vector<float>>;

/// The numbers of these tensors by their names in a model, of which every one is there.
OwnNumbers take_all(AdapterTensors& tensors, const std::vector<StoredPair>& list) {
  TensorFaults faults;
  OwnNumbers numbers;
  for (const StoredPair& each : list) numbers[each.own] = tensors.take_whole(each.file, each.shape, faults);
  for (const std::string& name : tensors.left()) faults.unknown(name);
  faults.refuse(tensors.source(), std::string{library_form} + " for this base");
  return numbers;
}

/// What a folder says of its head; nothing where it has none, or only that of GPT-2, which is its words.
std::optional<AdaptersHead> read_head(const fs::path& folder, const ModelConfig& base) {
  const fs::path file = folder / "head_config.json";
  if (!fs::exists(file)) return {};
  pst::require(base.architecture != Architecture::gpt2, file.string(),
               ": a head of its own for GPT-2, expected none: words are predicted by the table of words");
  return parse_adapters_head(common::read_file(file), base, file.string());
}

/// As many names of labels as the head has outputs.
std::vector<std::string> labels_of_head(const AdaptersHead& head, const AdapterTensors& tensors,
                                        const ModelConfig& base) {
  const std::string weight = pairs_of_head(head, base, 0).front().file;
  pst::require(tensors.has(weight), tensors.source(), ": is not a head of its configuration, missing: ", weight);
  const FileShape shape = tensors.shape_of(weight);
  pst::require(shape.size() == 2 && shape[0] >= 1 && shape[0] <= 10000, tensors.source(), ": tensor ", weight,
               " is no head of 1 to 10000 labels");
  const auto count = static_cast<std::size_t>(shape[0]);
  pst::require(head.labels.empty() || head.labels.size() == count, tensors.source(), ": tensor ", weight, " is for ",
               count, " labels, head_config.json names ", head.labels.size());
  if (!head.labels.empty()) return head.labels;
  if (base.labels.size() == count) return base.labels;
  std::vector<std::string> labels;
  for (std::size_t label = 0; label < count; ++label) labels.push_back("LABEL_" + std::to_string(label));
  return labels;
}

void fill_branches(Model& model, const AdaptersConfig& config, const OwnNumbers& numbers) {
  model.put_branches(config.branches, 1);
  for (const ModelParameter& each : model.parameters())
    if (each.part == Part::branch) std::ranges::copy(numbers.at(each.name), each.parameter.value.data);
}

/// Reads a head into a model, and says which of its tensors it had none of before.
void put_head(Model& model, const OwnNumbers& numbers, std::set<std::string>& fresh) {
  model.for_each_tensor([&](const TensorPlace& place, Matrix& value, Layer*) {
    const auto found = numbers.find(place.name);
    if (found == numbers.end()) return;
    take_part(place, found->second, value);
    fresh.erase(place.name);
  });
}

/// Head and pooler, and nothing else, may have trained beside the branches.
void refuse_other_training(Model& model, const SharedBase& base) {
  for (const std::string& name : trained_tensors(model, base))
    pst::require(name.starts_with("classifier.") || name.starts_with("bert.pooler."), "tensor ", name,
                 " has trained, which ", library_form,
                 " does not hold: train with --beside none, or write a task file");
}

/// The tensors of a model by their names in a file.
pst::TensorList library_tensors(const std::vector<StoredPair>& list,
                                const std::map<std::string, std::span<const float>>& values) {
  pst::TensorList tensors;
  for (const StoredPair& each : list)
    tensors.push_back(pst::Tensor::from<float>(each.file, each.shape, values.at(each.own)));
  return tensors;
}

}  // namespace

std::unique_ptr<Model> apply_adapters(const fs::path& adapter, const fs::path& base_folder) {
  const ModelConfig config = read_config(base_folder);
  const fs::path file = adapter / "adapter_config.json";
  const AdaptersConfig own = parse_adapters_config(common::read_file(file), config, file.string());
  pst::require(fs::exists(adapter / weights_file), adapter.string(), ": has no ", weights_file,
               fs::exists(adapter / "pytorch_adapter.bin")
                   ? ", but a pickle, which is not read: save it again with use_safetensors=True"
                   : ", expected what save_adapter wrote with use_safetensors=True");
  AdapterTensors tensors{adapter / weights_file, {}};
  const OwnNumbers branches = take_all(tensors, pairs_of(own, config));
  std::vector<std::string> labels = config.labels;
  OwnNumbers of_head;
  if (const auto head = read_head(adapter, config)) {
    AdapterTensors stored_head{adapter / head_file, {}};
    labels = labels_of_head(*head, stored_head, config);
    of_head = take_all(stored_head, pairs_of_head(*head, config, static_cast<index_t>(labels.size())));
  }
  if (of_head.empty()) labels.clear();  // that of the base is read
  LoadedModel base = load_model(
      base_folder, {.train_embeddings = false, .together = true, .new_head = !labels.empty(), .labels = labels},
      transformer::dense_layers<float>());
  std::set<std::string> fresh{base.made_new.begin(), base.made_new.end()};
  put_head(*base.model, of_head, fresh);
  TensorFaults faults;
  for (const std::string& name : fresh) faults.missing(name);
  faults.refuse(adapter.string(), "an adapter with the head that its base does not have");
  fill_branches(*base.model, own, branches);
  base.model->refresh(1.0);
  return std::move(base.model);
}

ExportReport export_adapters(Model& model, const fs::path& folder, const AdaptersOptions& options, Probes probes) {
  pst::require(!model.branches().empty(), "the model has no bottleneck, so it is not ", library_form);
  pst::require(!model.virtual_tokens(), "the model has virtual tokens too, which ", library_form,
               " does not hold: write a task file");
  OutputFolder output{folder, options.overwrite};
  const ModelConfig& config = model.config();
  const AdaptersConfig own{.name = head_name, .branches = {model.branches().begin(), model.branches().end()}};
  common::write_file(output.path() / "adapter_config.json", adapters_config_text(own, config));
  const SharedBase base = load_shared_base(options.base, config.labels, model.encoder().config.together);
  refuse_other_training(model, base);

  std::map<std::string, std::span<const float>> values;
  for (const ModelParameter& each : model.parameters())
    if (each.part == Part::branch)
      values[each.name] = {each.parameter.value.data, static_cast<std::size_t>(each.parameter.value.size())};
  pst::io::save_tensors(output.path() / weights_file, library_tensors(pairs_of(own, config), values));
  ExportReport report{.dense_bytes = dense_bytes(model)};
  report.bytes = fs::file_size(output.path() / weights_file);
  if (config.architecture != Architecture::gpt2) {
    const AdaptersHead head{.name = head_name, .labels = config.labels, .has_pooler = true};
    common::write_file(output.path() / "head_config.json", adapters_head_text(head, config));
    const auto all = file_tensors(model);
    for (const auto& [name, tensor] : all) values[name] = tensor.values;
    pst::io::save_tensors(output.path() / head_file,
                          library_tensors(pairs_of_head(head, config, config.outputs()), values));
    report.bytes += fs::file_size(output.path() / head_file);
  }
  const auto found = apply_adapters(output.path(), options.base), expected = densified(model);
  report.difference = check_answers(*expected, *found, folder, probes);
  output.commit();
  return report;
}

}  // namespace finetune
