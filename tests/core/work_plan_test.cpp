// SPDX-License-Identifier: Apache-2.0
#include "pst/core/work_plan.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "pst/core/view.hpp"

namespace pst::test {
namespace {

constexpr Shape cut_shape{.in = 600, .out = 50};
constexpr WorkPlan cut_plan = WorkPlan::cut(cut_shape, 4, 6, {.in = 64, .out = 5}, 4);
static_assert(cut_plan.shape == cut_shape && cut_plan.rows_per_part == 16 && cut_plan.parts() == 4);
static_assert(cut_plan.rows_per_block == 8 && cut_plan.rows_per_tile == 8 && cut_plan.cols_per_tile == 256);
static_assert(cut_plan.strips() == 3 && cut_plan.tile_size() == 8 * 600);
static_assert(WorkPlan::whole(cut_shape).parts() == 1 && WorkPlan::whole(cut_shape).strips() == 1);
static_assert(WorkPlan::whole(cut_shape).tile_size() == 50 * 600);
static_assert(LayerLayout{cut_plan, 7}.shape == cut_shape);

/// How often each weight is in one of the tiles that `for_each` shows.
template <class ForEach>
[[nodiscard]] std::vector<int> visits(Shape shape, ForEach&& for_each) {
  std::vector<int> count(static_cast<std::size_t>(shape.size()));
  for_each([&](Tile tile) {
    for (index_t r = tile.row; r < tile.row + tile.rows; ++r)
      for (index_t c = tile.col; c < tile.col + tile.cols; ++c) ++count[static_cast<std::size_t>(r * shape.in + c)];
  });
  return count;
}
/// Calls `check(plan, multiple)` for plans of all kinds.
template <class Check>
void for_each_plan(Check&& check) {
  for (Shape shape : {Shape{1, 1}, Shape{63, 2}, Shape{64, 7}, Shape{65, 31}, Shape{130, 100}, Shape{600, 257}})
    for (index_t parts : {1, 2, 5, 16, 300})
      for (index_t block : {1, 3, 96, 1000})
        for (Shape tile : {Shape{1, 1}, Shape{64, 2}, Shape{100, 40}, Shape{1000, 1000}})
          for (index_t multiple : {1, 3, 32}) {
            CAPTURE(shape.in);
            CAPTURE(shape.out);
            CAPTURE(parts);
            CAPTURE(block);
            CAPTURE(tile.in);
            CAPTURE(tile.out);
            CAPTURE(multiple);
            const WorkPlan plan = WorkPlan::cut(shape, parts, block, tile, multiple);
            REQUIRE(plan.parts() <= parts);
            check(plan, multiple);
          }
}

TEST_CASE("a plan covers every row once, in order, in blocks of whole rows cut at multiples") {
  for_each_plan([](const WorkPlan& plan, index_t multiple) {
    index_t next = 0;
    bool ok = true;
    for (index_t part = 0; part < plan.parts(); ++part)
      plan.for_each_block(part, 9, [&](Tile block) {
        ok = ok && block.row == next && block.row % multiple == 0 && block.rows > 0 && block.col == 0 &&
             block.rows <= plan.rows_per_block && block.cols == plan.shape.in && block.part == part &&
             block.slot == 9 && block.rows * block.cols <= plan.tile_size();
        next += block.rows;
      });
    CHECK(ok);
    CHECK(next == plan.shape.out);
  });
}
TEST_CASE("the pieces of a plan are its blocks, cut at the columns of its tiles") {
  for_each_plan([](const WorkPlan& plan, index_t) {
    bool ok = true;
    for (index_t part = 0; part < plan.parts(); ++part) {
      Tile block;
      index_t next = 0;  // column of the block
      plan.for_each_tile_of_blocks(part, 9, [&](Tile piece) {
        ok = ok && piece.part == part && piece.slot == 9 && piece.col % plan.cols_per_tile == 0 && piece.cols > 0 &&
             piece.cols <= plan.cols_per_tile && piece.rows * piece.cols <= plan.tile_size();
        if (piece.col == 0) {
          ok = ok && (next == 0 || next == plan.shape.in);
          block = piece, next = 0;
        }
        ok = ok && piece.col == next && piece.row == block.row && piece.rows == block.rows;
        next += piece.cols;
      });
      std::vector<index_t> rows, rows_of_pieces;
      plan.for_each_block(part, 9, [&](Tile tile) { rows.push_back(tile.row); });
      plan.for_each_tile_of_blocks(part, 9, [&](Tile tile) {
        if (tile.col == 0) rows_of_pieces.push_back(tile.row);
      });
      CHECK(rows == rows_of_pieces);
    }
    CHECK(ok);
  });
}
TEST_CASE("the tiles of the parts, and those of the strips, cover every weight once") {
  for_each_plan([](const WorkPlan& plan, index_t multiple) {
    bool ok = true;
    const auto check = [&](Tile tile) {
      ok = ok && tile.rows > 0 && tile.cols > 0 && tile.rows <= plan.rows_per_tile && tile.row % multiple == 0 &&
           tile.cols <= plan.cols_per_tile && tile.col % WorkPlan::column_multiple == 0 &&
           tile.rows * tile.cols <= plan.tile_size() && tile.slot == 9;
    };
    const std::vector<int> once(static_cast<std::size_t>(plan.shape.size()), 1);
    CHECK(visits(plan.shape, [&](auto&& visit) {
            for (index_t part = 0; part < plan.parts(); ++part)
              plan.for_each_tile(part, 9, [&](Tile tile) {
                check(tile), visit(tile);
                // a part owns its rows
                ok = ok && tile.part == part && tile.row >= part * plan.rows_per_part &&
                     tile.row + tile.rows <= (part + 1) * plan.rows_per_part;
              });
          }) == once);
    CHECK(visits(plan.shape, [&](auto&& visit) {
            for (index_t strip = 0; strip < plan.strips(); ++strip) {
              index_t next = 0;
              plan.for_each_tile_of_strip(strip, 9, [&](Tile tile) {
                check(tile), visit(tile);
                ok = ok && tile.row == next && tile.col == strip * plan.cols_per_tile && tile.part < plan.parts();
                next += tile.rows;
              });
            }
          }) == once);
    CHECK(ok);
  });
}
TEST_CASE("parts, blocks and tiles are about as large as asked for") {
  const auto cut = [](index_t block, index_t multiple, Shape tile = {.in = 64, .out = 10}) {
    return WorkPlan::cut({.in = 600, .out = 100}, 4, block, tile, multiple);
  };
  CHECK(cut(10, 1).rows_per_part == 25);
  CHECK(cut(10, 1).rows_per_block == 10);
  CHECK(cut(10, 8).rows_per_part == 32);
  CHECK(cut(10, 8).rows_per_block == 16);
  CHECK(cut(80, 1).rows_per_block == 25);
  CHECK(cut(10, 1).rows_per_tile == 10);
  CHECK(cut(10, 8).rows_per_tile == 16);
  CHECK(cut(10, 1, {.in = 65, .out = 80}).rows_per_tile == 25);
  CHECK(cut(10, 1, {.in = 257, .out = 80}).cols_per_tile == 512);
  CHECK(cut(10, 1, {.in = 1, .out = 1}).cols_per_tile == 256);
  CHECK(cut(10, 1, {.in = 5000, .out = 1}).cols_per_tile >= 600);
  CHECK(cut(10, 1, {.in = 256, .out = 25}).tile_size() == 25 * 256);
  CHECK(cut(20, 1, {.in = 256, .out = 25}).tile_size() == 20 * 600);
}
TEST_CASE("a tile is cut out of matrices and masks of the weight's size, its rows and its columns") {
  std::vector<int> memory(20 * 200);
  for (std::size_t n = 0; n < memory.size(); ++n) memory[n] = static_cast<int>(n);
  const MatrixView<int> weight{memory.data(), 20, 190, 200};
  const Tile tile{.row = 3, .rows = 5, .col = 64, .cols = 126};
  const MatrixView<int> cut = tile.of(weight);
  CHECK(cut.rows == 5);
  CHECK(cut.cols == 126);
  CHECK(cut.row_stride == 200);
  CHECK(cut(4, 125) == 7 * 200 + 189);
  CHECK(tile.rows_of(weight)(0, 0) == 3 * 200);
  CHECK(tile.rows_of(weight).cols == 190);
  CHECK(tile.cols_of(weight)(0, 0) == 64);
  CHECK(tile.cols_of(weight).rows == 20);

  std::vector<mask_word> words(20 * 3);
  const MaskView<mask_word> mask{words.data(), 20, 190};
  const auto keep = [](index_t r, index_t c) { return (r * 190 + c) % 7 == 3; };
  for (index_t r = 0; r < 20; ++r)
    for (index_t c = 0; c < 190; ++c)
      if (keep(r, c)) mask.row(r)[c / 64] |= mask_word{1} << (c % 64);
  const MaskView<mask_word> cut_mask = tile.of(mask);
  CHECK(cut_mask.rows == 5);
  CHECK(cut_mask.cols == 126);
  bool same = true;
  for (index_t r = 0; r < 5; ++r)
    for (index_t c = 0; c < 126; ++c) same = same && cut_mask(r, c) == keep(r + 3, c + 64);
  CHECK(same);
  CHECK(cut_mask.row(2) == words.data() + 5 * 3 + 1);
}

}  // namespace
}  // namespace pst::test
