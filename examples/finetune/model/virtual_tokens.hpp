// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string_view>

#include "finetune/model/config.hpp"
#include "transformer/virtual_tokens.hpp"

namespace finetune {

/// What virtual tokens are in a model.
enum class TokenPlace {
  prefix,  ///< keys and values in front of those of every block (Li and Liang, 2021)
  prompt   ///< embedded tokens in front of every sequence (Lester et al., 2021)
};
inline constexpr std::array token_place_names{"prefix", "prompt"};

/// What positions the real tokens have.
enum class RealPositions {
  after,     ///< those behind the virtual tokens, as in PEFT; a sequence may have as many tokens fewer
  unchanged  ///< those that they have without; virtual tokens of a prompt have none then
};
inline constexpr std::array real_position_names{"after", "unchanged"};

/// What a classifier pools. With a prefix both are the first real token.
enum class PooledRow {
  first_row,   ///< with a prompt the first virtual token, as in PEFT
  first_token  ///< the first real token: [CLS]
};
inline constexpr std::array pooled_row_names{"first-row", "first-token"};

/// Virtual tokens of a model: as many in front of every sequence.
struct PlacedTokens {
  TokenPlace place = TokenPlace::prefix;
  index_t count = 20;
  transformer::VirtualTokens<float>::Policy policy = pst::Direct{};
  bool from_vocabulary = false;  ///< a prompt's vectors begin as embeddings of words, drawn with the seed
  RealPositions positions = RealPositions::after;
  PooledRow pooled = PooledRow::first_row;

  /// Rows that a sequence has more.
  [[nodiscard]] index_t rows() const noexcept { return place == TokenPlace::prompt ? count : 0; }
  /// Positions that real tokens come later.
  [[nodiscard]] index_t shift() const noexcept { return positions == RealPositions::after ? count : 0; }
  /// Numbers of each: those of a token, or the keys and values of all blocks.
  [[nodiscard]] index_t features(const ModelConfig& config) const noexcept {
    return place == TokenPlace::prompt ? config.width : 2 * config.blocks * config.width;
  }
  [[nodiscard]] const char* name() const noexcept { return token_place_names[static_cast<std::size_t>(place)]; }
};

}  // namespace finetune
