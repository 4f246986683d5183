// SPDX-License-Identifier: Apache-2.0
#pragma once

// y = x W'^T for a block of tokens and the compressed weight, one panel of columns after the other.
// Work: 2 flops for each kept weight and token; besides the lanes, each weight's column and value are loaded once.
// Bound by loads: of lanes from L1 and L2, 64 KB of them; with few tokens of the weight from L3 or memory, and by
// mispredicted branches at the ends of rows.

#include <Eigen/Core>
#include <algorithm>
#include <type_traits>

#include "pst/backend/eigen_cpu/dot.hpp"
#include "pst/backend/eigen_cpu/gemm.hpp"
#include "pst/backend/eigen_cpu/lanes.hpp"
#include "pst/core/compressed.hpp"

namespace pst::PST_ABI::PST_ISA::eigen_cpu {

/// Calls `f(std::integral_constant<int, tokens>, first, count)` for blocks of tokens: full ones, and for the rest half,
/// a quarter, an eighth, or one. A block may have fewer than its `tokens`.
template <class T, class F>
void for_each_block_size(index_t count, F f) {
  constexpr int full = block_tokens<T>;
  index_t done = 0;
  const auto take = [&](auto tokens, index_t some) {
    if (some > 0) f(tokens, done, some);
    done += some;
  };
  const index_t rest = count % full;
  take(std::integral_constant<int, full>{}, rest > full * 3 / 4 ? count : count - rest);
  take(std::integral_constant<int, full / 2>{},
       count - done > full / 4 ? std::min<index_t>(count - done, full / 2) : 0);
  take(std::integral_constant<int, full / 4>{}, count - done > full / 8 ? count - done : 0);
  take(std::integral_constant<int, full / 8>{}, count - done > 1 ? count - done : 0);
  take(std::integral_constant<int, 1>{}, count - done);
}

/// Numbers of x that are lanes at once: 64 KB.
template <class T>
inline constexpr index_t lanes_at_once = block_tokens<T>* CompressedView<T, HostSpace>::segment_cols;

/// How many segments of 256 columns a block of tokens takes at once: as many as a full block's one.
template <int tokens, class T, class View>
inline constexpr index_t segments_at_once = tokens == 1 ? View::segments
                                                        : std::min<index_t>(View::segments, block_tokens<T> / tokens);

/// sum + the kept weights of one row times the lanes; `mask` leaves of a column what the lanes begin at.
template <int tokens, unsigned mask, class T, class Column>
[[nodiscard, gnu::always_inline]] inline Eigen::Array<T, tokens, 1> add_segment(Eigen::Array<T, tokens, 1> sum,
                                                                                const Column* column, const T* value,
                                                                                index_t count, const T* lanes) {
  using Lane = Eigen::Array<T, tokens, 1>;
  constexpr int ways = block_tokens<T> / tokens;  // independent sums, where a lane alone is too short
  const auto lane = [&](index_t k) { return Eigen::Map<const Lane>(lanes + index_t{column[k] & mask} * tokens); };
  index_t k = 0;
  if constexpr (ways > 1) {
    Lane way[ways];
    for (Lane& w : way) w.setZero();
    for (; k + 8 <= count; k += 8)
      for (int i = 0; i < 8; ++i) way[i % ways] += value[k + i] * lane(k + i);
    for (int w = 1; w < ways; ++w) way[0] += way[w];
    sum += way[0];
  }
  for (; k < count; ++k) sum += value[k] * lane(k);
  return sum;
}

/// Some tokens and outputs of a product.
template <int tokens>
struct BlockOf {
  static constexpr int most = tokens;
  index_t token = 0;  ///< the first of `count`, at most `tokens`
  index_t count = 0;
  index_t row = 0;  ///< the first of `rows` outputs
  index_t rows = 0;
};

/// The outputs of a block, as lanes, of x, whose tokens are those of the block. `lanes` has room for `lanes_at_once`.
template <int tokens, class T, class Value, class Column>
void product_block(BlockOf<tokens> at, CompressedView<Value, HostSpace, Column> weight, MatrixView<const T> x,
                   MatrixView<const T> bias, T* lanes, T* out) {
  using View = CompressedView<Value, HostSpace, Column>;
  using Lane = Eigen::Array<T, tokens, 1>;
  using Out = Eigen::Map<Lane>;
  constexpr index_t segments = segments_at_once<tokens, T, View>, width = segments * View::segment_cols;
  constexpr unsigned mask = segments == View::segments ? ~0U : unsigned{width - 1};
  T memory[View::panel_cols];
  for (index_t col = 0; col < weight.cols; col += width) {
    const MatrixView<const T> x_part = x.middle_cols(col, std::min(width, weight.cols - col));
    if constexpr (tokens > 1) to_lanes<tokens>(x_part, lanes);
    const std::uint32_t* const start =
        weight.row_start(col / View::panel_cols, at.row) + col % View::panel_cols / View::segment_cols;
    for (index_t r = 0; r < at.rows; ++r) {
      const std::uint32_t begin = start[r * View::segments];
      const auto kept = static_cast<index_t>(start[r * View::segments + segments] - begin);
      const auto* const column = weight.column + begin;
      const auto* const value = weight.value + begin;
      if constexpr (tokens == 1) {
        const T before = col > 0 ? out[r] : bias.empty() ? T{0} : bias(0, at.row + r);
        out[r] = before + dot(column, value, kept, x_part.data);
      } else {
        Lane sum;
        if (col > 0)
          sum = Out(out + r * tokens);
        else
          sum.setConstant(bias.empty() ? T{0} : bias(0, at.row + r));
        Out(out + r * tokens) = add_segment<tokens, mask>(sum, column, widened<T>(value, kept, memory), kept, lanes);
      }
    }
  }
}

/// Tokens times outputs of the largest block whose lanes a thread's own memory holds beside those of x: 64 KB, so that
/// both stay in L2.
template <class T>
inline constexpr index_t outputs_at_once = lanes_at_once<T>;
static_assert(2 * (64 << 10) <= std::min(packed_bytes<float>, packed_bytes<double>));

/// The same, in and out of the caller's layout; `memory` has room for `lanes_at_once` and for the outputs of the block.
template <int tokens, class T, class View>
void product_tokens(BlockOf<tokens> at, View weight, MatrixView<const T> x, MatrixView<const T> bias, MatrixView<T> y,
                    T* memory) {
  const MatrixView<const T> in = x.middle_rows(at.token, at.count);
  if constexpr (tokens == 1) {
    product_block(at, weight, in, bias, memory, y.row(at.token) + at.row);
  } else {
    T* const out = memory + lanes_at_once<T>;
    product_block(at, weight, in, bias, memory, out);
    from_lanes<tokens>(out, y.middle_rows(at.token, at.count).middle_cols(at.row, at.rows));
  }
}

}  // namespace pst::PST_ABI::PST_ISA::eigen_cpu
