// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "pst/core/functors.hpp"
#include "pst/core/work_plan.hpp"
#include "pst/layer/masked_weight.hpp"

/// Products with a dense weight that is made a tile at a time: W', where the density is too high for the compressed
/// weight, or W0, beside which a low-rank update runs.
namespace pst::PST_ABI::detail {

/// y = x W^T + bias; the bias is 1 x out, or empty, and `tile_of(tile)` gives the tiles of W.
template <class Weight, class TileOf>
void dense_forward(Weight& weight, TileOf tile_of, typename Weight::ConstView x, typename Weight::ConstView bias,
                   typename Weight::MutableView y) {
  auto& on = weight.backend();
  weight.for_each_tile([&](Tile tile) {
    const auto out = y.middle_cols(tile.row, tile.rows);
    if (tile.col == 0)
      on.generate(out, functors::repeat_row(bias.data == nullptr ? bias : bias.middle_cols(tile.row, tile.rows)));
    on.gemm_nt(1.0, tile.cols_of(x), tile_of(tile), out);
  });
}

/// grad_x = grad_y W. Tokens are cut as well as inputs, so that there are enough parts; the rows of W in order
/// for each.
template <class Weight, class TileOf>
void dense_grad_x(Weight& weight, TileOf tile_of, typename Weight::ConstView grad_y,
                  typename Weight::MutableView grad_x) {
  constexpr index_t tokens_at_once = 512;
  auto& on = weight.backend();
  const WorkPlan& plan = weight.layout().plan;
  const index_t cuts = (grad_y.rows + tokens_at_once - 1) / tokens_at_once;
  on.for_each_part(cuts * plan.strips(), [&](index_t part, index_t slot) {
    const index_t first = part / plan.strips() * tokens_at_once;
    const index_t count = std::min(tokens_at_once, grad_y.rows - first);
    plan.for_each_tile_of_strip(part % plan.strips(), slot, [&](Tile tile) {
      const auto out = tile.cols_of(grad_x.middle_rows(first, count));
      if (tile.row == 0) on.fill(out, 0);
      on.gemm(1.0, grad_y.middle_rows(first, count).middle_cols(tile.row, tile.rows), tile_of(tile), out);
    });
  });
}

}  // namespace pst::PST_ABI::detail
