// SPDX-License-Identifier: Apache-2.0
#include "pst/core/fastfood.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "support/tolerances.hpp"

namespace pst::test {
namespace {

TEST_CASE("every block has a permutation of its own, and its inverse") {
  for (int log_size = 0; log_size <= 12; ++log_size) {
    const index_t size = index_t{1} << log_size;
    index_t moved = 0, same_as_next = 0;
    for (const index_t number : {0, 1, 7}) {
      const fastfood::Block block{5, number, log_size}, next{5, number + 1, log_size};
      std::vector<int> seen(static_cast<std::size_t>(size));
      for (index_t i = 0; i < size; ++i) {
        const index_t from = block.permuted(i);
        REQUIRE(from >= 0);
        REQUIRE(from < size);
        ++seen[static_cast<std::size_t>(from)];
        CHECK(block.unpermuted(from) == i);
        moved += from != i ? 1 : 0;
        same_as_next += from == next.permuted(i) ? 1 : 0;
      }
      CHECK(seen == std::vector<int>(static_cast<std::size_t>(size), 1));
    }
    if (size >= 64) CHECK(moved > 3 * size - 30);  // one in `size` stays, as a rule
    if (size >= 64) CHECK(same_as_next < 30);
  }
}
TEST_CASE("signs are even, and independent of the normal numbers beside them") {
  double signs = 0, product = 0;
  for (index_t i = 0; i < random_draws; ++i) {
    const fastfood::Drawn drawn = fastfood::Block{3, i / 1024, 10}.at(i % 1024);
    signs += drawn.sign();
    product += drawn.sign() * (2.0 * static_cast<double>(drawn.normal()) / (fastfood::pool_size - 1) - 1.0);
  }
  const auto draws = static_cast<double>(random_draws);
  CHECK(std::abs(signs / draws) < moment_tolerance(1));
  CHECK(std::abs(product / draws) < moment_tolerance(1.0 / 3.0));
}
TEST_CASE("the tiles of a weight are runs that cover each of its numbers once") {
  for (const Shape shape : {Shape{700, 11}, Shape{256, 3}, Shape{5, 9}}) {
    const fastfood::Order order{shape};
    std::vector<int> seen(static_cast<std::size_t>(shape.size()));
    constexpr index_t size = 64;
    for (const Tile tile : {Tile{.row = 0, .rows = 3, .col = 0, .cols = shape.in},
                            Tile{.row = 3, .rows = shape.out - 3, .col = 0, .cols = std::min<index_t>(512, shape.in)},
                            Tile{.row = 3, .rows = shape.out - 3, .col = 512, .cols = shape.in - 512}}) {
      if (tile.cols <= 0 || tile.rows <= 0) continue;
      index_t covered = 0;
      order.for_each_run(tile, [&](index_t first, index_t begin, index_t end) {
        for (index_t from = begin / size * size; from < end; from += size)
          order.for_each_piece(tile, first, begin, end, from, from + size, [&](const fastfood::Piece& piece) {
            covered += piece.rows * piece.cols;
            CHECK(piece.row + piece.rows <= tile.rows);
            CHECK(piece.col + piece.cols <= tile.cols);
            for (index_t r = 0; r < piece.rows; ++r)
              for (index_t c = 0; c < piece.cols; ++c) {
                const index_t col = tile.col + piece.col + c, strip = col / 256 * 256;
                const index_t place = strip * shape.out +
                                      (tile.row + piece.row + r) * std::min<index_t>(256, shape.in - strip) + col -
                                      strip;
                CHECK(from + piece.at + r * piece.cols + c == place);
                ++seen[static_cast<std::size_t>(place)];
              }
          });
      });
      CHECK(covered == tile.rows * tile.cols);
    }
    CHECK(seen == std::vector<int>(static_cast<std::size_t>(shape.size()), 1));
  }
}

}  // namespace
}  // namespace pst::test
