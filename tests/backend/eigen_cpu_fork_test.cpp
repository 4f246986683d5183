// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <thread>
#include <vector>

#include "support/layer_tools.hpp"

namespace pst::test {
namespace {

using Layer = SparseLinear<>::with<Magnitude>;

/// The gradients of one step, and its outputs.
std::vector<float> step(const EigenCpu& on) {
  constexpr index_t tokens = 40;
  const auto weight = Draw{1}.normal<float>(300, 200), x = Draw{2}.normal<float>(tokens, 200, 1);
  HostMatrix<float> y(tokens, 300);
  Layer layer{{.in = 200, .out = 300}, {}, on};
  layer.attach(weight.view());
  layer.begin_step(1, 1);
  layer.forward(x.view(), y.view());
  layer.backward(x.view(), y.view());
  std::vector<float> numbers{y.view().data, y.view().data + y.view().size()};
  layer.for_each_parameter([&](const auto& p) { numbers.insert(numbers.end(), p.grad.data, p.grad.row(p.grad.rows)); });
  return numbers;
}
/// Whether a child made by fork ended by itself, and found what was expected.
bool child_succeeds(const std::vector<float>& expected) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::signal(SIGALRM, SIG_DFL);
    ::alarm(60);  // instead of hanging for ever
    EigenCpu on{2};
    ::_exit(step(on) == expected ? EXIT_SUCCESS : EXIT_FAILURE);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
}

TEST_CASE("a process made by fork works while threads of its parent are at work") {
  const std::vector<float> expected = step(EigenCpu{1});
  EigenCpu on{2};
  std::atomic<bool> done{false};
  std::atomic<int> parts_of_workers{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i)
    threads.emplace_back([&] {
      EigenCpu own{2};
      const auto idle = [&, caller = std::this_thread::get_id()](index_t, index_t) {
        if (std::this_thread::get_id() != caller) ++parts_of_workers;
        std::this_thread::sleep_for(std::chrono::microseconds{20});
      };
      while (!done) own.for_each_part(8, idle);
    });
  // A process must not fork while a sanitizer of clang 14 starts a thread: its locks stay taken in the child.
  while (parts_of_workers < 100) std::this_thread::yield();
  int succeeded = 0;
  for (int i = 0; i < 20; ++i) succeeded += child_succeeds(expected) ? 1 : 0;
  done = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(succeeded == 20);
  CHECK(step(on) == expected);
}
TEST_CASE("a child of a child works, and so does a backend that a child brought along") {
  const std::vector<float> expected = step(EigenCpu{1});
  const EigenCpu on{2};
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::alarm(60);
    const bool here = step(on) == expected && step(EigenCpu{3}) == expected;
    ::_exit(here && child_succeeds(expected) ? EXIT_SUCCESS : EXIT_FAILURE);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == EXIT_SUCCESS);
}

}  // namespace
}  // namespace pst::test
