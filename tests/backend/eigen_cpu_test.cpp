// SPDX-License-Identifier: Apache-2.0
#include "pst/backend/eigen_cpu.hpp"

#include <doctest/doctest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <vector>

#include "pst/core/error.hpp"
#include "pst/core/functors.hpp"
#include "support/host_mask.hpp"
#include "support/tolerances.hpp"

namespace pst::test {
namespace {

TEST_CASE_TEMPLATE("products are those of Reference, at all sizes and strides", Scalar, float, double) {
  Reference truth;
  EigenCpu on{1};
  Draw draw{1};
  for (index_t rows : {1, 2, 5, 6, 7, 12, 13, 49, 100})
    for (index_t cols : {1, 3, 8, 15, 16, 17, 33, 97, 200})
      for (index_t depth : {0, 1, 7, 8, 128, 129, 257, 600}) {
        if (rows * cols * depth > 500000) continue;  // a matter of seconds
        CAPTURE(rows);
        CAPTURE(cols);
        CAPTURE(depth);
        const auto a = draw.normal<Scalar>(rows, depth, 3), b = draw.normal<Scalar>(depth, cols, 1),
                   a_flipped = draw.normal<Scalar>(depth, rows, 2), b_flipped = draw.normal<Scalar>(cols, depth, 5);
        const auto start = draw.normal<Scalar>(rows, cols, 4);
        const auto check = [&](auto&& product) {
          auto expected = start, found = start;
          product(truth, expected), product(on, found);
          CHECK(distance(found, expected) <= tolerances<Scalar>::value);
          CHECK(found.gap_is_untouched());
        };
        check([&](auto& with, auto& out) { with.gemm(0.75, a.view(), b.view(), out.view()); });
        check([&](auto& with, auto& out) { with.gemm_nt(-2.0, a.view(), b_flipped.view(), out.view()); });
        check([&](auto& with, auto& out) { with.gemm_tn(1.0, a_flipped.view(), b.view(), out.view()); });
      }
}
TEST_CASE_TEMPLATE("products with factors of any small rank are those of Reference", Scalar, float, double) {
  Reference truth;
  EigenCpu on{1};
  Draw draw{4};
  for (index_t rank = 1; rank <= 40; ++rank)
    for (Shape shape : {Shape{1, 1}, Shape{7, 5}, Shape{33, 13}, Shape{67, 31}, Shape{130, 9}, Shape{257, 3}}) {
      CAPTURE(rank);
      CAPTURE(shape.in);
      CAPTURE(shape.out);
      const auto [in, out] = shape;
      const auto left = draw.normal<Scalar>(out, rank, 3), right = draw.normal<Scalar>(rank, in, 1),
                 tile = draw.normal<Scalar>(out, in, 2);
      const auto check = [&](HostMatrix<Scalar> start, auto&& product) {
        auto expected = start, found = start;
        product(truth, expected), product(on, found);
        CHECK(distance(found, expected) <= tolerances<Scalar>::value);
        CHECK(found.gap_is_untouched());
      };
      check(tile, [&](auto& with, auto& to) { with.gemm(-0.75, left.view(), right.view(), to.view()); });
      check(left, [&](auto& with, auto& to) { with.gemm_nt(0.5, tile.view(), right.view(), to.view()); });
      check(right, [&](auto& with, auto& to) { with.gemm_tn(2.0, left.view(), tile.view(), to.view()); });
    }
}
TEST_CASE_TEMPLATE("map gives the bits of Reference, with masks, parts of words and itself as input", Scalar, float,
                   double) {
  Reference truth;
  EigenCpu on{1};
  Draw draw{6};
  for (index_t rows : {1, 5})
    for (index_t cols : {1, 31, 63, 64, 65, 127, 128, 129, 200}) {
      CAPTURE(rows);
      CAPTURE(cols);
      const auto start = draw.normal<Scalar>(rows, cols, 3), a = draw.normal<Scalar>(rows, cols, 1),
                 wide = draw.normal<Scalar>(rows, cols + 64, 2);
      const HostMask mask = random_mask(rows, cols, draw), wide_mask = random_mask(rows, cols + 64, draw);
      const Tile right{.rows = rows, .col = 64, .cols = cols};
      const auto check = [&](auto&& verb) {
        auto expected = start, found = start;
        verb(truth, expected.view()), verb(on, found.view());
        CHECK(distance(found, expected) == 0);
        CHECK(found.gap_is_untouched());
      };
      const auto blend = [](Scalar x, Scalar y, bool kept) { return kept ? x / y : x - y; };
      check([&](auto& with, auto out) { with.map(out, functors::Identity{}, a.view()); });
      check([&](auto& with, auto out) { with.map(out, functors::KeepOrZero{}, a.view(), mask.view()); });
      check([&](auto& with, auto out) { with.map(out, blend, out, a.view(), mask.view()); });
      check([&](auto& with, auto out) { with.map(out, blend, a.view(), out, mask.view()); });
      check([&](auto& with, auto out) { with.map(out, functors::Add{}, out, out); });
      check([&](auto& with, auto out) {
        with.map(
            out, [](bool kept) { return kept; }, mask.view());
      });
      check([&](auto& with, auto out) {  // what a tile that does not begin at column 0 sees
        with.map(out, blend, out, right.of(wide.view()), right.of(wide_mask.view()));
      });
    }
}
TEST_CASE_TEMPLATE("the Walsh-Hadamard transform has the bits of Reference", Scalar, float, double) {
  Reference truth;
  EigenCpu on{1};
  for (index_t cols = 1; cols <= 4096; cols *= 2) {
    CAPTURE(cols);
    auto expected = Draw{2}.normal<Scalar>(3, cols, 3), found = expected;
    truth.hadamard(expected.view()), on.hadamard(found.view());
    CHECK(distance(found, expected) == 0);
    CHECK(found.gap_is_untouched());
  }
}
TEST_CASE_TEMPLATE("sums are those of Reference", Scalar, float, double) {
  Reference truth;
  EigenCpu on{1};
  for (index_t rows : {1, 3, 40})
    for (index_t cols : {1, 7, 8, 9, 16, 31, 130}) {
      const auto in = Draw{2}.normal<Scalar>(rows, cols, 3);
      auto row_truth = Draw{3}.normal<Scalar>(rows, 1, 1), row_found = row_truth;
      truth.row_sums(0.5, in.view(), row_truth.view()), on.row_sums(0.5, in.view(), row_found.view());
      CHECK(distance(row_found, row_truth) <= tolerances<Scalar>::value);
      auto column_truth = Draw{4}.normal<Scalar>(1, cols, 1), column_found = column_truth;
      truth.column_sums(0.5, in.view(), column_truth.view()), on.column_sums(0.5, in.view(), column_found.view());
      CHECK(distance(column_found, column_truth) <= tolerances<Scalar>::value);
      truth.column_squares(0.3, in.view(), column_truth.view()), on.column_squares(0.3, in.view(), column_found.view());
      CHECK(distance(column_found, column_truth) <= tolerances<Scalar>::value);
    }
}
TEST_CASE("every part is worked on once, in a slot of its own at that time") {
  for (int threads : {1, 2, 4}) {
    EigenCpu on{threads};
    CHECK(on.slots() == threads);
    std::vector<int> visits(37);
    std::vector<int> busy(static_cast<std::size_t>(threads));
    std::mutex guard;
    bool ok = true;
    on.for_each_part(37, [&](index_t part, index_t slot) {
      {
        const std::lock_guard lock{guard};
        ok = ok && slot >= 0 && slot < threads && ++busy[static_cast<std::size_t>(slot)] == 1;
        ++visits[static_cast<std::size_t>(part)];
      }
      const std::lock_guard lock{guard};
      --busy[static_cast<std::size_t>(slot)];
    });
    CHECK(ok);
    CHECK(visits == std::vector<int>(37, 1));
  }
  CHECK(EigenCpu{0}.slots() == 1);
  CHECK(EigenCpu{}.slots() >= 1);
}
TEST_CASE("what a part throws arrives at the caller") {
  for (int threads : {1, 3}) {
    EigenCpu on{threads};
    CHECK_THROWS_WITH_AS(on.for_each_part(8, [](index_t part, index_t) { require(part != 5, "part ", part); }),
                         "part 5", Error);
  }
}
TEST_CASE("parts inside of parts, and those of a second caller, are done by whoever asks for them") {
  EigenCpu on{2};
  std::atomic<int> inner{0};
  std::atomic<bool> ok{true};
  on.for_each_part(4, [&](index_t, index_t) {
    on.for_each_part(3, [&, me = std::this_thread::get_id()](index_t, index_t slot) {
      ++inner;
      if (slot != 0 || std::this_thread::get_id() != me) ok = false;
    });
  });
  CHECK(inner == 12);
  CHECK(ok);

  std::atomic<int> done{0};
  const auto engine_thread = [&] {
    EigenCpu mine{3};
    for (int round = 0; round < 500; ++round) mine.for_each_part(7, [&](index_t, index_t) { ++done; });
  };
  std::thread second{engine_thread};
  engine_thread();
  second.join();
  CHECK(done == 2 * 500 * 7);
}
TEST_CASE("many short rounds lose and repeat no part") {
  EigenCpu on{4};
  std::vector<int> visits(5);
  constexpr int rounds = 20000;
  for (int round = 0; round < rounds; ++round)
    on.for_each_part(5, [&](index_t part, index_t) { ++visits[static_cast<std::size_t>(part)]; });
  CHECK(visits == std::vector<int>(5, rounds));
}
TEST_CASE("in a process made by fork, whose threads are gone, the caller does all parts") {
  EigenCpu on{3};
  std::atomic<int> before{0};
  on.for_each_part(9, [&](index_t, index_t) { ++before; });
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    int parts = 0;
    for (int round = 0; round < 100; ++round) on.for_each_part(9, [&](index_t, index_t) { ++parts; });
    ::_exit(parts == 900 ? 0 : 1);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}
TEST_CASE("the environment says how many threads there are, where nobody else does") {
  ::setenv("PST_NUM_THREADS", "3", 1);
  CHECK(EigenCpu{}.threads() == 3);
  for (const char* nonsense : {"", "0", "-2", "many"}) {
    ::setenv("PST_NUM_THREADS", nonsense, 1);
    CHECK(EigenCpu{}.threads() == EigenCpu{static_cast<int>(std::thread::hardware_concurrency())}.threads());
  }
  ::unsetenv("PST_NUM_THREADS");
}
#ifdef _OPENMP
TEST_CASE("inside a parallel region of the engine the calling thread does all parts") {
  EigenCpu on{2};
  std::vector<int> done(2);
  bool ok = true;
#pragma omp parallel num_threads(2)
#pragma omp for
  for (int engine = 0; engine < 2; ++engine) {
    int parts = 0;
    bool slots_agree = true;
    on.for_each_part(6, [&](index_t, index_t slot) { ++parts, slots_agree = slots_agree && slot == 0; });
#pragma omp critical
    done[static_cast<std::size_t>(engine)] = parts, ok = ok && slots_agree;
  }
  CHECK(ok);
  CHECK(done == std::vector<int>{6, 6});
}
#endif
TEST_CASE("the plan depends on the shape alone and cuts at the multiple") {
  for (Shape shape : {Shape{1, 1}, Shape{5, 7}, Shape{768, 3072}, Shape{100000, 33}})
    for (index_t multiple : {1, 3, 32}) {
      const WorkPlan one = EigenCpu{1}.plan(shape, multiple), four = EigenCpu{4}.plan(shape, multiple);
      CHECK(one.rows_per_part == four.rows_per_part);
      CHECK(one.rows_per_block == four.rows_per_block);
      CHECK(one.rows_per_tile == four.rows_per_tile);
      CHECK(one.cols_per_tile == four.cols_per_tile);
      CHECK(one.rows_per_block % multiple == 0);
      CHECK(one.rows_per_tile % multiple == 0);
      CHECK(one.parts() <= 16);
    }
  CHECK(EigenCpu{1}.plan({768, 3072}, 1).parts() == 16);
}

}  // namespace
}  // namespace pst::test
