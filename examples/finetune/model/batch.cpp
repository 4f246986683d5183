// SPDX-License-Identifier: Apache-2.0
#include "finetune/model/batch.hpp"

#include <pst/core/error.hpp>

#include <algorithm>

namespace finetune {

namespace {

void check(const Batch& batch, index_t sequences, const ModelConfig& config, std::span<const index_t> before) {
  const auto size = static_cast<index_t>(batch.ids.size());
  pst::require(batch.tokens > 0 && size > 0 && size % batch.tokens == 0, "a batch has ", size,
               " ids, expected some sequences of ", batch.tokens, " tokens");
  pst::require(batch.types.empty() || batch.types.size() == batch.ids.size(), "a batch has ", batch.types.size(),
               " token types, expected one for each of its ", size, " ids");
  pst::require(batch.lengths.empty() || static_cast<index_t>(batch.lengths.size()) == sequences, "a batch has ",
               batch.lengths.size(), " lengths, expected one for each of its ", sequences, " sequences");
  pst::require(before.empty() || static_cast<index_t>(before.size()) == sequences, "a batch has ", sequences,
               " sequences, expected one for each of the ", before.size(), " that it goes on with");
  for (const index_t length : batch.lengths)
    pst::require(length > 0 && length <= batch.tokens, "a sequence has length ", length, ", expected 1 to ",
                 batch.tokens);
  for (std::size_t s = 0; s < static_cast<std::size_t>(sequences); ++s) {
    const index_t length = (before.empty() ? 0 : before[s]) + (batch.lengths.empty() ? batch.tokens : batch.lengths[s]);
    pst::require(length <= config.longest(), "a sequence has ", length, " tokens, the model reads at most ",
                 config.longest(), ": truncate it");
  }
}

}  // namespace

void pack(const Batch& batch, const ModelConfig& config, PackedBatch& packed, std::span<const index_t> before) {
  const index_t sequences = batch.tokens > 0 ? static_cast<index_t>(batch.ids.size()) / batch.tokens : 0;
  check(batch, sequences, config, before);
  packed.tokens = 0;
  for (std::vector<index_t>* list : {&packed.lengths, &packed.first}) list->clear();
  for (std::vector<int>* list : {&packed.ids, &packed.positions, &packed.types}) list->clear();
  for (index_t s = 0; s < sequences; ++s) {
    const index_t length = batch.lengths.empty() ? batch.tokens : batch.lengths[static_cast<std::size_t>(s)];
    const index_t earlier = before.empty() ? 0 : before[static_cast<std::size_t>(s)];
    packed.tokens = std::max(packed.tokens, length);
    packed.lengths.push_back(length);
    packed.first.push_back(packed.rows());
    int seen = 0;  // RoBERTa counts tokens that are no padding, from pad_id + 1
    for (index_t t = 0; t < length; ++t) {
      const auto place = static_cast<std::size_t>(s * batch.tokens + t);
      const int id = batch.ids[place];
      packed.ids.push_back(id);
      packed.types.push_back(batch.types.empty() ? 0 : batch.types[place]);
      if (config.architecture == Architecture::roberta)
        packed.positions.push_back(static_cast<int>(config.pad_id) + (id == config.pad_id ? 0 : ++seen));
      else
        packed.positions.push_back(static_cast<int>(earlier + t));
    }
  }
}

}  // namespace finetune
