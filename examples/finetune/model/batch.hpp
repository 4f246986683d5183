// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "finetune/model/config.hpp"
#include "transformer/attention.hpp"

namespace finetune {

/// Sequences of equal length, the shorter ones padded at their end.
struct Batch {
  index_t tokens = 0;                  ///< per sequence, with padding
  std::span<const int> ids;            ///< sequences x tokens
  std::span<const index_t> lengths{};  ///< real tokens of each sequence; empty: all are real
  std::span<const int> types{};        ///< sequences x tokens; empty: all are 0
};

/// Virtual tokens, as far as they change where tokens stand.
struct InFront {
  index_t rows = 0;   ///< in front of each sequence
  index_t shift = 0;  ///< positions that real tokens come later
};

/// A batch without its padding, which is never computed: one row per token. Virtual token k has the id -1 - k, and the
/// position -1 where it has none.
struct PackedBatch {
  index_t tokens = 0;
  std::vector<index_t> lengths;
  std::vector<index_t> first;              ///< the first row of each sequence
  std::vector<int> ids, positions, types;  ///< one per row

  [[nodiscard]] index_t rows() const noexcept { return static_cast<index_t>(ids.size()); }
  [[nodiscard]] transformer::Sequences sequences(std::uint64_t dropout_seed) const noexcept {
    return {.tokens = tokens, .lengths = lengths, .packed = true, .dropout_seed = dropout_seed};
  }
};

/// Packs a batch for a model, into memory that is used again; throws pst::Error when the batch does not fit its shapes
/// or the model. With `before` as many rows stand before each sequence already, virtual tokens among them.
void pack(const Batch& batch, const ModelConfig& config, PackedBatch& packed, const InFront& in_front = {},
          std::span<const index_t> before = {});

}  // namespace finetune
