// SPDX-License-Identifier: Apache-2.0
#include "pst/core/row_plan.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace pst::test {
namespace {

TEST_CASE("a plan covers every row once, in order, in blocks cut at multiples") {
  for (index_t rows : {1, 2, 7, 8, 31, 64, 100, 257})
    for (index_t parts : {1, 2, 5, 16, 300})
      for (index_t block : {1, 3, 8, 96, 1000})
        for (index_t multiple : {1, 3, 4, 32}) {
          CAPTURE(rows);
          CAPTURE(parts);
          CAPTURE(block);
          CAPTURE(multiple);
          const RowPlan plan = RowPlan::cut(rows, parts, block, multiple);
          REQUIRE(plan.parts() <= parts);
          index_t next = 0;
          bool ok = true;
          for (index_t part = 0; part < plan.parts(); ++part)
            plan.for_each_block(part, 9, [&](RowBlock rows_here) {
              ok = ok && rows_here.first == next && rows_here.first % multiple == 0 && rows_here.count > 0 &&
                   rows_here.count <= plan.rows_per_block && rows_here.part == part && rows_here.slot == 9;
              next += rows_here.count;
            });
          CHECK(ok);
          CHECK(next == rows);
        }
}
TEST_CASE("blocks are about as large as asked for") {
  CHECK(RowPlan::cut(100, 4, 10, 1).rows_per_part == 25);
  CHECK(RowPlan::cut(100, 4, 10, 1).rows_per_block == 10);
  CHECK(RowPlan::cut(100, 4, 10, 8).rows_per_part == 32);
  CHECK(RowPlan::cut(100, 4, 10, 8).rows_per_block == 16);
  CHECK(RowPlan::cut(100, 4, 80, 1).rows_per_block == 25);
}

}  // namespace
}  // namespace pst::test
