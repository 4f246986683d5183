// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "pst/core/config.hpp"
#include "pst/core/random.hpp"
#include "pst/core/view.hpp"
#include "pst/core/work_plan.hpp"

/// Random matrices of stacked Fastfood blocks: what is drawn of them is a function of a seed and of the position, so
/// that nothing of their size is stored.
namespace pst::PST_ABI::fastfood {

/// Normal numbers of which each diagonal G picks its own.
inline constexpr index_t pool_size = 4096;

/// What one word of random bits gives at a place of a block: the sign of B there, and the number of G.
struct Drawn {
  std::uint64_t bits;

  [[nodiscard]] PST_HD double sign() const noexcept { return (bits >> 63) != 0 ? -1.0 : 1.0; }
  [[nodiscard]] PST_HD index_t normal() const noexcept { return static_cast<index_t>(bits & (pool_size - 1)); }
};

/// The random numbers of one block of n = 2^log_size outputs.
struct Block {
  std::uint64_t key;
  int log_size;

  PST_HD Block(std::uint64_t seed, index_t number, int log_size_) noexcept
      : key{mix_bits(seed ^ mix_bits(static_cast<std::uint64_t>(number)))}, log_size{log_size_} {}

  [[nodiscard]] PST_HD Drawn at(index_t i) const noexcept { return {mix_bits(key + static_cast<std::uint64_t>(i))}; }
  /// Where output i of Pi comes from: a permutation of 0 ... n - 1, three times an odd factor and a shift that is
  /// exclusive.
  [[nodiscard]] PST_HD index_t permuted(index_t i) const noexcept {
    std::uint64_t x = static_cast<std::uint64_t>(i);
    for (int round = 0; round < 3; ++round) {
      x = (x * factor(round) + (key >> (20 * round))) & mask();
      x ^= x >> shift();
    }
    return static_cast<index_t>(x);
  }
  /// The output that comes from i: `permuted(unpermuted(i)) == i`.
  [[nodiscard]] PST_HD index_t unpermuted(index_t i) const noexcept {
    std::uint64_t x = static_cast<std::uint64_t>(i);
    for (int round = 2; round >= 0; --round) {
      x ^= x >> shift();  // its own inverse: twice the shift is beyond all bits
      x = ((x - (key >> (20 * round))) * inverse(factor(round))) & mask();
    }
    return static_cast<index_t>(x);
  }

 private:
  [[nodiscard]] PST_HD std::uint64_t mask() const noexcept { return (std::uint64_t{1} << log_size) - 1; }
  [[nodiscard]] PST_HD int shift() const noexcept { return (log_size + 1) / 2; }
  [[nodiscard]] PST_HD std::uint64_t factor(int round) const noexcept {
    return mix_bits(~key + static_cast<std::uint64_t>(round)) | 1U;
  }
  /// Of an odd number, modulo 2^64 (Newton): each round doubles the bits that are right, of which the first has three.
  [[nodiscard]] PST_HD static std::uint64_t inverse(std::uint64_t odd) noexcept {
    std::uint64_t x = odd;
    for (int round = 0; round < 5; ++round) x *= 2 - odd * x;
    return x;
  }
};

/// A rectangle of a tile whose numbers follow one another in a run of outputs.
struct Piece {
  index_t row, rows, col, cols;  ///< in the tile
  index_t at;                    ///< of its first number, in the run; its rows are `cols` apart
};

/// The order of the weights of an out x in matrix in one run: strips of 256 columns one behind another, each row by
/// row, so that a tile (WorkPlan) is a short run of each of its strips.
struct Order {
  Shape shape;

  /// Calls `f(first, begin, end)` for each strip of a tile: its first column there, and its run.
  void for_each_run(Tile tile, auto&& f) const {
    for (index_t col = tile.col; col < tile.col + tile.cols; col += WorkPlan::column_multiple) {
      const index_t begin = col * shape.out + tile.row * width_at(col);
      f(col - tile.col, begin, begin + tile.rows * width_at(col));
    }
  }
  /// Calls `f(Piece)` for what a strip of a tile, whose run is [begin, end), has in common with the run [from, to).
  void for_each_piece(Tile tile, index_t first, index_t begin, index_t end, index_t from, index_t to, auto&& f) const {
    const index_t width = width_at(tile.col + first);
    index_t at = std::max(begin, from);
    const index_t last = std::min(end, to);
    while (at < last) {
      const index_t row = (at - begin) / width, col = (at - begin) % width;
      const bool whole = col == 0 && last - at >= width;
      const index_t rows = whole ? (last - at) / width : 1, cols = whole ? width : std::min(width - col, last - at);
      f(Piece{row, rows, first + col, cols, at - from});
      at += rows * cols;
    }
  }

 private:
  [[nodiscard]] index_t width_at(index_t col) const { return std::min(WorkPlan::column_multiple, shape.in - col); }
};

// ---- functions of a position, for the verb `generate`: row r is block `first` + r

/// B pad(z)
template <class View>
struct SignedVector {
  View vector;
  std::uint64_t seed;
  index_t first;
  int log_size;
  [[nodiscard]] PST_HD double operator()(index_t r, index_t c) const {
    return c < vector.cols ? Block{seed, first + r, log_size}.at(c).sign() * double{vector(0, c)} : 0.0;
  }
};
/// G Pi of rows
template <class View>
struct PermutedNormals {
  View rows, pool;
  std::uint64_t seed;
  index_t first;
  int log_size;
  [[nodiscard]] PST_HD double operator()(index_t r, index_t c) const {
    const Block block{seed, first + r, log_size};
    return double{pool(0, block.at(c).normal())} * double{rows(r, block.permuted(c))};
  }
};
/// Pi^T G of rows
template <class View>
struct NormalsUnpermuted {
  View rows, pool;
  std::uint64_t seed;
  index_t first;
  int log_size;
  [[nodiscard]] PST_HD double operator()(index_t r, index_t c) const {
    const Block block{seed, first + r, log_size};
    const index_t from = block.unpermuted(c);
    return double{pool(0, block.at(from).normal())} * double{rows(r, from)};
  }
};
/// B of rows
template <class View>
struct SignedRows {
  View rows;
  std::uint64_t seed;
  index_t first;
  int log_size;
  [[nodiscard]] PST_HD double operator()(index_t r, index_t c) const {
    return Block{seed, first + r, log_size}.at(c).sign() * double{rows(r, c)};
  }
};
/// weight + scale * factor * more
struct AddTimes {
  double scale;
  template <class T>
  PST_HD T operator()(T weight, T more, T factor) const {
    return static_cast<T>(double{weight} + scale * double{factor} * double{more});
  }
};

}  // namespace pst::PST_ABI::fastfood
