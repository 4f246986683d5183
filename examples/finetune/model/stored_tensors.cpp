// SPDX-License-Identifier: Apache-2.0
#include "finetune/model/stored_tensors.hpp"

#include <pst/core/error.hpp>
#include <pst/core/order_key.hpp>

#include <algorithm>

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

}  // namespace

StoredTensors::StoredTensors(const std::filesystem::path& folder, const ModelConfig& config)
    : file_{pst::io::Checkpoint::open(folder)}, prefix_{prefix_of(config.architecture)} {
  if (config.architecture == Architecture::gpt2) check_tied_head(config);
}

void StoredTensors::check_tied_head(const ModelConfig& config) {
  const pst::io::TensorEntry* head = file_.find("lm_head.weight");
  if (head == nullptr) return;
  const auto& words = require({"transformer.wte.weight", {config.vocabulary, config.width}});
  pst::require(head->type == words.type && std::ranges::equal(head->bytes, words.bytes), source(),
               ": tensor \"lm_head.weight\" differs from \"", words.name,
               "\", expected the same, because tie_word_embeddings is true");
  used_.insert(head->name);
}

const pst::io::TensorEntry* StoredTensors::find(const std::string& name) const {
  std::vector<std::string> spellings{name};
  if (name.starts_with(prefix_)) spellings.push_back(name.substr(prefix_.size()));
  for (std::size_t i = 0, count = spellings.size(); i < count; ++i)
    if (std::string old = old_spelling(spellings[i]); !old.empty()) spellings.push_back(std::move(old));
  const pst::io::TensorEntry* found = nullptr;
  for (const std::string& spelling : spellings) {
    const pst::io::TensorEntry* entry = file_.find(spelling);
    if (entry == nullptr) continue;
    pst::require(found == nullptr, source(), ": has both \"", found == nullptr ? "" : found->name, "\" and \"",
                 spelling, "\", expected one of them");
    found = entry;
  }
  return found;
}

const pst::io::TensorEntry& StoredTensors::require(const ExpectedTensor& expected) {
  const pst::io::TensorEntry* entry = find(expected.name);
  const std::string shape = pst::io::detail::text_of(expected.shape);
  if (entry == nullptr)
    pst::fail(source(), ": has no tensor \"", expected.name, "\", expected one of shape ", shape,
              "; is config.json that of these weights?");
  pst::require(entry->shape == expected.shape, pst::io::detail::tensor_in(source(), entry->name), " has shape ",
               pst::io::detail::text_of(entry->shape), ", expected ", shape, " by config.json",
               expected.owner == Owner::head ? "; for other labels ask for a new head" : "");
  used_.insert(entry->name);
  return *entry;
}

std::vector<float> StoredTensors::read(const std::string& name) const {
  const pst::io::TensorEntry* entry = find(name);
  pst::require(entry != nullptr, source(), ": has no tensor \"", name, '"');
  const std::string what = pst::io::detail::tensor_in(source(), entry->name);
  std::vector<float> values = pst::io::read_elements<float>(*entry, what);
  for (std::size_t i = 0; i < values.size(); ++i)
    pst::require(pst::is_finite(values[i]), what, " holds ", values[i], " at element ", i, ", expected finite numbers");
  return values;
}

std::vector<std::string> StoredTensors::unused() const {
  std::vector<std::string> names;
  for (const pst::io::TensorEntry& entry : file_.entries())
    if (!used_.contains(entry.name) && !is_buffer(entry.name)) names.push_back(entry.name);
  std::ranges::sort(names);
  return names;
}

}  // namespace finetune
