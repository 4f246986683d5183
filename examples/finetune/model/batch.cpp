// SPDX-License-Identifier: Apache-2.0
#include "finetune/model/batch.hpp"

#include <pst/core/error.hpp>

#include <algorithm>

namespace finetune {

namespace {

/// The real tokens before a sequence.
index_t tokens_before(std::span<const index_t> before, std::size_t sequence, const InFront& in_front) {
  return before.empty() || before[sequence] == 0 ? 0 : before[sequence] - in_front.rows;
}

void check(const Batch& batch, index_t sequences, const ModelConfig& config, const InFront& in_front,
           std::span<const index_t> before) {
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
    const index_t length =
        tokens_before(before, s, in_front) + (batch.lengths.empty() ? batch.tokens : batch.lengths[s]);
    pst::require(length <= config.longest(), "a sequence has ", length, " tokens, the model reads at most ",
                 config.longest(), config.taken > 0 ? " behind its virtual tokens" : "", ": truncate it");
  }
  for (std::size_t i = 0; i < batch.ids.size(); ++i)
    pst::require(batch.ids[i] >= 0, "token ", i, " has id ", batch.ids[i], ", expected at least 0");
}

/// Where positions begin: RoBERTa counts tokens that are no padding, from pad_id + 1.
int first_position(const ModelConfig& config) {
  return config.architecture == Architecture::roberta ? static_cast<int>(config.pad_id) + 1 : 0;
}

void add_virtual_tokens(const ModelConfig& config, const InFront& in_front, PackedBatch& packed) {
  for (index_t k = 0; k < in_front.rows; ++k) {
    packed.ids.push_back(static_cast<int>(-1 - k));
    packed.types.push_back(0);
    packed.positions.push_back(in_front.shift > 0 ? first_position(config) + static_cast<int>(k) : -1);
  }
}

}  // namespace

void pack(const Batch& batch, const ModelConfig& config, PackedBatch& packed, const InFront& in_front,
          std::span<const index_t> before) {
  const index_t sequences = batch.tokens > 0 ? static_cast<index_t>(batch.ids.size()) / batch.tokens : 0;
  check(batch, sequences, config, in_front, before);
  packed.tokens = 0;
  for (std::vector<index_t>* list : {&packed.lengths, &packed.first}) list->clear();
  for (std::vector<int>* list : {&packed.ids, &packed.positions, &packed.types}) list->clear();
  for (index_t s = 0; s < sequences; ++s) {
    const index_t length = batch.lengths.empty() ? batch.tokens : batch.lengths[static_cast<std::size_t>(s)];
    const bool goes_on = !before.empty() && before[static_cast<std::size_t>(s)] > 0;
    const index_t earlier = tokens_before(before, static_cast<std::size_t>(s), in_front) + in_front.shift;
    packed.first.push_back(packed.rows());
    if (!goes_on) add_virtual_tokens(config, in_front, packed);
    packed.lengths.push_back((goes_on ? 0 : in_front.rows) + length);
    packed.tokens = std::max(packed.tokens, packed.lengths.back());
    int seen = 0;
    for (index_t t = 0; t < length; ++t) {
      const auto place = static_cast<std::size_t>(s * batch.tokens + t);
      const int id = batch.ids[place];
      packed.ids.push_back(id);
      packed.types.push_back(batch.types.empty() ? 0 : batch.types[place]);
      const bool is_padding = config.architecture == Architecture::roberta && id == config.pad_id;
      packed.positions.push_back(is_padding ? id : first_position(config) + static_cast<int>(earlier) + seen++);
    }
  }
}

}  // namespace finetune
