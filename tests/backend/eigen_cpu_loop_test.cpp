// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <set>
#include <thread>
#include <vector>

#include "support/test_types.hpp"

namespace pst::test {
namespace {

/// A loop of one thread, with the slots that a caller may use.
const auto in_turn = [](const Parts& parts) {
  for (index_t i = 0; i < parts.count(); ++i) parts(i, i % 2);
};

TEST_CASE("the engine's loop does every part once, in slots that are its own") {
  EigenCpu on{2, in_turn};
  CHECK(on.slots() == 2);
  std::vector<int> visits(37);
  std::set<index_t> slots;
  on.for_each_part(37, [&](index_t part, index_t slot) {
    ++visits[static_cast<std::size_t>(part)];
    slots.insert(slot);
  });
  CHECK(std::ranges::count(visits, 1) == 37);
  CHECK(slots == std::set<index_t>{0, 1});
}
TEST_CASE("a copy of a backend works on the same loop, and one thread needs none") {
  int calls = 0;
  const EigenCpu on{2, [&calls](const Parts& parts) { ++calls, in_turn(parts); }};
  EigenCpu copy = on, alone{1, [](const Parts&) { FAIL("called for one thread"); }};
  copy.for_each_part(3, [](index_t, index_t) {});
  CHECK(calls == 1);
  int parts = 0;
  alone.for_each_part(3, [&](index_t, index_t) { ++parts; });
  CHECK(parts == 3);
}
TEST_CASE("what a part throws arrives at the caller when the engine's loop is over, and the next work is done") {
  EigenCpu on{2, in_turn};
  std::atomic<int> done{0};
  CHECK(error_of([&] {
          on.for_each_part(8, [&](index_t part, index_t) { ++done, require(part != 5, "part ", part); });
        }) == "part 5");
  CHECK(done == 8);
  on.for_each_part(8, [&](index_t, index_t) { ++done; });
  CHECK(done == 16);
}
TEST_CASE("a loop that leaves out parts, or names parts or slots that there are not, is refused") {
  const auto refusal = [](const auto& loop) {
    EigenCpu on{2, loop};
    return error_of([&] { on.for_each_part(4, [](index_t, index_t) {}); });
  };
  CHECK(refusal([](const Parts& parts) { parts(0, 0), parts(1, 1); }) ==
        "EigenCpu: the engine's loop returned after 2 calls, expected one for each of 4 parts");
  CHECK(refusal([](const Parts& parts) { parts(4, 0); }) ==
        "EigenCpu: the engine's loop calls part 4 in slot 0, expected one of 4 parts and 2 slots");
  CHECK(refusal([](const Parts& parts) { parts(0, 2); }) ==
        "EigenCpu: the engine's loop calls part 0 in slot 2, expected one of 4 parts and 2 slots");
}

/// Calls `f(i)` on each of some threads.
template <class F>
void on_threads(int count, F f) {
  std::vector<std::thread> threads;
  for (int i = 1; i < count; ++i) threads.emplace_back(f, i);
  f(0);
  for (std::thread& thread : threads) thread.join();
}
TEST_CASE("threads that come together share the work of many operations, and leave each when it is done") {
  constexpr int threads = 3, operations = 300;
  Team team{threads};
  EigenCpu on{threads, std::ref(team)};
  std::vector<int> visits(7);
  std::atomic<int> slots_used[threads] = {};
  std::atomic<bool> slot_taken[threads] = {}, clash = false;
  on_threads(threads, [&](int i) {
    for (int operation = 0; operation < operations; ++operation)
      team.work(i, [&] {
        CHECK(i == 0);
        for (int round = 0; round < 2; ++round)
          on.for_each_part(7, [&](index_t part, index_t slot) {
            if (slot_taken[slot].exchange(true)) clash = true;
            ++visits[static_cast<std::size_t>(part)], ++slots_used[slot];
            slot_taken[slot] = false;
          });
      });
  });
  CHECK_FALSE(clash);
  CHECK(std::ranges::count(visits, 2 * operations) == 7);
  CHECK(slots_used[0] + slots_used[1] + slots_used[2] == 2 * 7 * operations);
}
TEST_CASE("a team without its other threads does all of the work, and late ones find it done") {
  Team team{3};
  EigenCpu on{3, std::ref(team)};
  int parts = 0;
  team.work(0, [&] { on.for_each_part(5, [&](index_t, index_t) { ++parts; }); });
  CHECK(parts == 5);
  team.work(2, [] {});
  team.work(1, [] {});
}
TEST_CASE("parts inside of parts of a team are done by whoever asks for them") {
  Team team{2};
  EigenCpu on{2, std::ref(team)};
  std::atomic<int> parts{0};
  on_threads(2, [&](int i) {
    team.work(i, [&] {
      on.for_each_part(4, [&](index_t, index_t) { on.for_each_part(3, [&](index_t, index_t) { ++parts; }); });
    });
  });
  CHECK(parts == 12);
}
TEST_CASE("what the work of a team throws arrives on its first thread, and the others leave") {
  Team team{2};
  EigenCpu on{2, std::ref(team)};
  std::string text[2];
  on_threads(2, [&](int i) {
    text[i] = error_of([&] { team.work(i, [&] { on.for_each_part(4, [](index_t, index_t) { fail("no"); }); }); });
  });
  CHECK(text[0] == "no");
  CHECK(text[1] == "nothing was thrown");
  CHECK(error_of([&] { team.work(2, [] {}); }) == "Team: this is thread 2, expected a number of 0 to 1");
}

}  // namespace
}  // namespace pst::test
