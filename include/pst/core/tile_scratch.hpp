// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "pst/core/matrix.hpp"
#include "pst/core/work_plan.hpp"

namespace pst::PST_ABI {

/// What a tile of scratch memory is for. A slot has one of each.
enum class TileUse {
  weight,   ///< W0 where it must be converted; W~; then W' over it
  scores,   ///< S; then dS over it; x V^T of a low-rank branch
  gradient  ///< G; then dW~ over it; what is thin between the two products of a low-rank branch
};

/// Memory of one layer for the tiles that are worked on: three of numbers and one of mask words for each slot.
template <class B, class Scalar>
class TileScratch {
 public:
  static constexpr index_t tiles = 3;  ///< of a slot: one for each TileUse

  TileScratch(B& on, const LayerLayout& layout)
      : size_{layout.plan.tile_size()},
        words_{layout.plan.rows_per_block * MaskOn<B>::words_for(layout.shape.in)},
        numbers_(static_cast<std::size_t>(on.slots() * tiles * size_)),
        mask_(static_cast<std::size_t>(on.slots() * words_)) {}

  /// Memory for the numbers of one tile.
  [[nodiscard]] ViewOn<B, Scalar> numbers(TileUse use, Tile tile) {
    return {numbers_.data() + (tile.slot * tiles + static_cast<index_t>(use)) * size_, tile.rows, tile.cols};
  }
  /// Memory for the mask of one tile.
  [[nodiscard]] MaskOn<B> mask(Tile tile) { return {mask_.data() + tile.slot * words_, tile.rows, tile.cols}; }
  [[nodiscard]] std::size_t bytes() const noexcept {
    return numbers_.size() * sizeof(Scalar) + mask_.size() * sizeof(mask_word);
  }

 private:
  index_t size_;
  index_t words_;
  typename B::template buffer<Scalar> numbers_;
  typename B::template buffer<mask_word> mask_;
};

}  // namespace pst::PST_ABI
