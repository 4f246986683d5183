// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "pst/core/functors.hpp"
#include "pst/core/work_plan.hpp"
#include "pst/layer/masked_weight.hpp"

/// Products with a dense weight that is made a tile at a time: W', where the density is too high for the compressed
/// weight, or W0, beside which a low-rank update or a sparse change runs. `tile_of(tile)` gives the tiles of W.
namespace pst::PST_ABI::detail {

/// y += x W^T; `begin(tile, out)` is called with the outputs of some rows of W before the first product is added there.
template <class Weight, class TileOf, class Begin>
void add_dense_forward(Weight& weight, TileOf tile_of, typename Weight::ConstView x, typename Weight::MutableView y,
                       Begin begin) {
  weight.for_each_tile([&](Tile tile) {
    const auto out = y.middle_cols(tile.row, tile.rows);
    if (tile.col == 0) begin(tile, out);
    weight.backend().gemm_nt(1.0, tile.cols_of(x), tile_of(tile), out);
  });
}
/// y = x W^T + bias; the bias is 1 x out, or empty.
template <class Weight, class TileOf>
void dense_forward(Weight& weight, TileOf tile_of, typename Weight::ConstView x, typename Weight::ConstView bias,
                   typename Weight::MutableView y) {
  add_dense_forward(weight, tile_of, x, y, [&](Tile tile, typename Weight::MutableView out) {
    weight.backend().generate(
        out, functors::repeat_row(bias.data == nullptr ? bias : bias.middle_cols(tile.row, tile.rows)));
  });
}

/// grad_x += grad_y W; `begin(out)` is called with some tokens and inputs before the first product is added there.
/// Tokens are cut as well as inputs, so that there are enough parts; the rows of W in order for each.
template <class Weight, class TileOf, class Begin>
void add_dense_grad_x(Weight& weight, TileOf tile_of, typename Weight::ConstView grad_y,
                      typename Weight::MutableView grad_x, Begin begin) {
  constexpr index_t tokens_at_once = 512;
  auto& on = weight.backend();
  const WorkPlan& plan = weight.layout().plan;
  const index_t cuts = (grad_y.rows + tokens_at_once - 1) / tokens_at_once;
  on.for_each_part(cuts * plan.strips(), [&](index_t part, index_t slot) {
    const index_t first = part / plan.strips() * tokens_at_once;
    const index_t count = std::min(tokens_at_once, grad_y.rows - first);
    plan.for_each_tile_of_strip(part % plan.strips(), slot, [&](Tile tile) {
      const auto out = tile.cols_of(grad_x.middle_rows(first, count));
      if (tile.row == 0) begin(out);
      on.gemm(1.0, grad_y.middle_rows(first, count).middle_cols(tile.row, tile.rows), tile_of(tile), out);
    });
  });
}
/// grad_x = grad_y W
template <class Weight, class TileOf>
void dense_grad_x(Weight& weight, TileOf tile_of, typename Weight::ConstView grad_y,
                  typename Weight::MutableView grad_x) {
  add_dense_grad_x(weight, tile_of, grad_y, grad_x,
                   [&](typename Weight::MutableView out) { weight.backend().fill(out, 0); });
}

}  // namespace pst::PST_ABI::detail
