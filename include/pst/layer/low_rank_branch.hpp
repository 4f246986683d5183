// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "pst/core/function_ref.hpp"
#include "pst/core/tile_scratch.hpp"
#include "pst/core/work_plan.hpp"

/// A low-rank update beside its weight: products of activations with thin factors, where W~ = W0 + s U V is not needed.
namespace pst::PST_ABI::detail {

/// Tokens that are worked on at once: what is read of x and grad_y stays in cache.
inline constexpr index_t branch_tokens = 128;

/// Calls `f(first, count)` for blocks of at most `most` of `rows` rows.
inline void for_each_block_of_rows(index_t rows, index_t most, FunctionRef<void(index_t first, index_t count)> f) {
  for (index_t first = 0; first < rows; first += most) f(first, std::min(most, rows - first));
}

/// Blocks of tokens go through a branch at the same time: `into(in, thin)` makes the thin matrix of a block, which is
/// zero before, and `out_of(thin, out)` adds its product to `out`. It lies in memory that tiles of a forward or of a
/// grad_x leave alone.
template <class Weight, class Into, class OutOf>
void add_branch(Weight& weight, typename Weight::ConstView in, typename Weight::MutableView out, Into into,
                OutOf out_of) {
  auto& on = weight.backend();
  const index_t rank = weight.delta().left().cols;
  const index_t most = std::min(branch_tokens, weight.layout().plan.tile_size() / rank);
  on.for_each_part((in.rows + most - 1) / most, [&](index_t part, index_t slot) {
    const index_t first = part * most, count = std::min(most, in.rows - first);
    const auto thin = weight.workspace().numbers(TileUse::gradient, Tile{.rows = count, .cols = rank, .slot = slot});
    on.fill(thin, 0);
    into(in.middle_rows(first, count), thin);
    out_of(typename Weight::ConstView{thin}, out.middle_rows(first, count));
  });
}

/// y += s (x V^T) U^T
template <class Weight>
void add_branch_forward(Weight& weight, typename Weight::ConstView x, typename Weight::MutableView y) {
  auto& on = weight.backend();
  auto& update = weight.delta();
  add_branch(
      weight, x, y, [&](auto in, auto thin) { on.gemm_nt(1.0, in, update.right(), thin); },
      [&](auto thin, auto out) { on.gemm_nt(update.product().scale(), thin, update.left(), out); });
}
/// grad_x += s (grad_y U) V
template <class Weight>
void add_branch_grad_x(Weight& weight, typename Weight::ConstView grad_y, typename Weight::MutableView grad_x) {
  auto& on = weight.backend();
  auto& update = weight.delta();
  add_branch(
      weight, grad_y, grad_x, [&](auto in, auto thin) { on.gemm(1.0, in, update.left(), thin); },
      [&](auto thin, auto out) { on.gemm(update.product().scale(), thin, update.right(), out); });
}

/// dU = s grad_y^T (x V^T), dV = s (grad_y U)^T x: the gradients of an update that learns from all of G = grad_y^T x.
///
/// x V^T and grad_y U of some tokens at a time are in the scratch memory of slot 0; sums have an order that depends on
/// the shape alone.
template <class Weight>
void learn_from_activations(Weight& weight, typename Weight::ConstView x, typename Weight::ConstView grad_y) {
  using ConstView = typename Weight::ConstView;
  auto& on = weight.backend();
  auto& update = weight.delta();
  const WorkPlan& plan = weight.layout().plan;
  const ConstView left = update.left(), right = update.right();
  const index_t rank = left.cols;
  const double scale = update.product().scale();
  const auto grad_left = update.product().left().grad(), grad_right = update.product().right().grad();
  for_each_block_of_rows(x.rows, plan.tile_size() / rank, [&](index_t begin, index_t tokens) {
    const ConstView inputs = x.middle_rows(begin, tokens), grads = grad_y.middle_rows(begin, tokens);
    const Tile thin{.rows = tokens, .cols = rank};
    const auto x_v = weight.workspace().numbers(TileUse::scores, thin);
    const auto grad_u = weight.workspace().numbers(TileUse::gradient, thin);
    on.for_each_part((tokens + branch_tokens - 1) / branch_tokens, [&](index_t part, index_t) {
      const index_t first = part * branch_tokens, count = std::min(branch_tokens, tokens - first);
      const auto x_part = x_v.middle_rows(first, count), grad_part = grad_u.middle_rows(first, count);
      on.fill(x_part, 0);
      on.fill(grad_part, 0);
      on.gemm_nt(1.0, inputs.middle_rows(first, count), right, x_part);
      on.gemm(1.0, grads.middle_rows(first, count), left, grad_part);
    });
    on.for_each_part(plan.parts() + plan.strips(), [&](index_t part, index_t) {
      if (part < plan.parts()) {
        const index_t row = part * plan.rows_per_part, rows = std::min(plan.rows_per_part, plan.shape.out - row);
        on.gemm_tn(scale, grads.middle_cols(row, rows), ConstView{x_v}, grad_left.middle_rows(row, rows));
        return;
      }
      const index_t col = (part - plan.parts()) * plan.cols_per_tile;
      const index_t cols = std::min(plan.cols_per_tile, plan.shape.in - col);
      for_each_block_of_rows(tokens, branch_tokens, [&](index_t first, index_t count) {
        on.gemm_tn(scale, ConstView{grad_u.middle_rows(first, count)},
                   inputs.middle_rows(first, count).middle_cols(col, cols), grad_right.middle_cols(col, cols));
      });
    });
  });
}

}  // namespace pst::PST_ABI::detail
