// SPDX-License-Identifier: Apache-2.0
#include "finetune/model/stored_tensors.hpp"

#include <pst/core/error.hpp>
#include <pst/core/order_key.hpp>

#include <algorithm>
#include <array>

#include "finetune/model/open_weights.hpp"

namespace finetune {

namespace {

/// The old spelling of a name, or nothing.
std::string old_spelling(std::string name) {
  for (const auto& [now, before] :
       {std::pair{"LayerNorm.weight", "LayerNorm.gamma"}, {"LayerNorm.bias", "LayerNorm.beta"}})
    if (name.ends_with(now)) return name.replace(name.size() - std::string_view{now}.size(), std::string::npos, before);
  return {};
}

/// Buffers that old files have among the weights.
bool is_buffer(std::string_view name) {
  return name.ends_with(".position_ids") || name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias");
}

/// A name without the modules that torch.compile, DataParallel, FSDP and checkpointing put around others.
std::string without_wrappers(std::string_view name) {
  constexpr std::array<std::string_view, 4> wrappers{"_orig_mod", "module", "_fsdp_wrapped_module",
                                                     "_checkpoint_wrapped_module"};
  std::string kept;
  while (!name.empty()) {
    const std::size_t end = std::min(name.find('.'), name.size());
    const std::string_view part = name.substr(0, end);
    if (std::ranges::find(wrappers, part) == wrappers.end()) kept.append(kept.empty() ? "" : ".").append(part);
    name.remove_prefix(std::min(end + 1, name.size()));
  }
  return kept;
}

/// The module that all names are in, with the dot behind it; empty without one.
std::string common_module(const std::map<std::string, const pst::io::TensorEntry*>& by_name) {
  const std::string& first = by_name.begin()->first;
  const std::string module = first.substr(0, first.find('.') + 1);
  const bool is_common = std::ranges::all_of(by_name, [&](const auto& each) { return each.first.starts_with(module); });
  return is_common ? module : std::string{};
}

}  // namespace

StoredTensors::StoredTensors(const std::filesystem::path& folder, const ModelConfig& config)
    : file_{open_weights(folder)}, prefix_{prefix_of(config.architecture)}, expected_{expected_tensors(config)} {
  read_names();
  if (config.architecture == Architecture::gpt2) check_tied_head(config);
}

void StoredTensors::read_names() {
  for (const pst::io::TensorEntry& entry : file_.entries()) {
    const auto [at, is_new] = by_name_.emplace(without_wrappers(entry.name), &entry);
    pst::require(is_new, source(), ": has both \"", at->second->name, "\" and \"", entry.name,
                 "\", expected one of them");
  }
  // safetensors' save_model keeps one name of tied weights, and tells of the other in the metadata.
  std::map<std::string, const pst::io::TensorEntry*> tied;
  for (const auto& [other, kept] : file_.metadata())
    if (const auto at = by_name_.find(without_wrappers(kept)); at != by_name_.end())
      tied.emplace(without_wrappers(other), at->second);
  by_name_.merge(tied);
  // A class of one's own may have the whole model as a member of a member.
  constexpr int deepest = 8;
  for (int depth = 0; depth < deepest && !by_name_.empty(); ++depth) {
    const std::string module = common_module(by_name_);
    if (module.empty() || module == prefix_) return;
    std::map<std::string, const pst::io::TensorEntry*> inside;
    for (const auto& [name, entry] : by_name_) inside.emplace(name.substr(module.size()), entry);
    by_name_ = std::move(inside);
  }
}

void StoredTensors::check_tied_head(const ModelConfig& config) {
  const auto head = by_name_.find("lm_head.weight");
  if (head == by_name_.end()) return;
  const auto& words = require({"transformer.wte.weight", {config.vocabulary, config.width}});
  pst::require(head->second->type == words.type && std::ranges::equal(head->second->bytes, words.bytes), source(),
               ": tensor \"", head->second->name, "\" differs from \"", words.name,
               "\", expected the same, because tie_word_embeddings is true");
  used_.insert(head->second);
}

/// Where the metadata do not tell: the head of a language model is the table of words.
const pst::io::TensorEntry* StoredTensors::find_tied(const std::string& name) const {
  if (!name.ends_with("wte.weight") && !name.ends_with("word_embeddings.weight")) return nullptr;
  for (const char* head : {"lm_head.weight", "lm_head.decoder.weight", "cls.predictions.decoder.weight"})
    if (const auto at = by_name_.find(head); at != by_name_.end()) return at->second;
  return nullptr;
}

const pst::io::TensorEntry* StoredTensors::find(const std::string& name) const {
  std::vector<std::string> spellings{name};
  if (name.starts_with(prefix_)) spellings.push_back(name.substr(prefix_.size()));
  for (std::size_t i = 0, count = spellings.size(); i < count; ++i)
    if (std::string old = old_spelling(spellings[i]); !old.empty()) spellings.push_back(std::move(old));
  const pst::io::TensorEntry* found = nullptr;
  for (const std::string& spelling : spellings) {
    const auto at = by_name_.find(spelling);
    if (at == by_name_.end()) continue;
    pst::require(found == nullptr, source(), ": has both \"", found == nullptr ? "" : found->name, "\" and \"",
                 at->second->name, "\", expected one of them");
    found = at->second;
  }
  return found != nullptr ? found : find_tied(name);
}

const pst::io::TensorEntry& StoredTensors::require(const ExpectedTensor& expected) {
  const pst::io::TensorEntry* entry = find(expected.name);
  const std::string shape = pst::io::text_of(expected.shape);
  if (entry == nullptr)
    pst::fail(source(), ": has no tensor \"", expected.name, "\", expected one of shape ", shape, names_met(expected));
  pst::require(
      entry->shape == expected.shape, pst::io::tensor_in(source(), entry->name), " has shape ",
      pst::io::text_of(entry->shape), ", expected ", shape, " by config.json",
      expected.owner == Owner::head ? "; for other labels give train --new-head, which leaves this head aside" : "");
  used_.insert(entry);
  return *entry;
}

std::vector<float> StoredTensors::read(const std::string& name) const {
  const pst::io::TensorEntry* entry = find(name);
  pst::require(entry != nullptr, source(), ": has no tensor \"", name, '"');
  const std::string what = pst::io::tensor_in(source(), entry->name);
  std::vector<float> values = pst::io::read_elements<float>(*entry, what);
  for (std::size_t i = 0; i < values.size(); ++i)
    pst::require(pst::is_finite(values[i]), what, " holds ", values[i], " at element ", i, ", expected finite numbers");
  return values;
}

std::vector<std::string> StoredTensors::unused() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : by_name_)
    if (!used_.contains(entry) && !is_buffer(name)) names.push_back(name);
  return names;
}

std::string StoredTensors::names_met(const ExpectedTensor& expected) const {
  std::set<const pst::io::TensorEntry*> known;
  for (const ExpectedTensor& each : expected_) known.insert(find(each.name));
  std::vector<std::string> near, others;
  const std::string_view last = std::string_view{expected.name}.substr(expected.name.rfind('.') + 1);
  for (const auto& [name, entry] : by_name_) {
    if (known.contains(entry) || is_buffer(name)) continue;
    const bool could_be = entry->shape == expected.shape && name.ends_with(last);
    (could_be ? near : others).push_back(entry->name);
  }
  const std::vector<std::string>& met = near.empty() ? others : near;
  if (met.empty()) return "; all other tensors of the file are as expected";
  std::string text = near.empty() ? "; the file has instead " : "; the file has of that shape ";
  for (std::size_t i = 0; i < std::min<std::size_t>(met.size(), 3); ++i)
    text.append(i == 0 ? "\"" : ", \"").append(pst::io::printable(met[i])).append("\"");
  if (met.size() > 3) text.append(" and ").append(std::to_string(met.size() - 3)).append(" more");
  return text;
}

}  // namespace finetune
