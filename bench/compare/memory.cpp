// SPDX-License-Identifier: Apache-2.0
#include "memory.hpp"

#include <pst/core/error.hpp>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <exception>
#include <utility>

#include "layer.hpp"
#include "operands.hpp"

namespace compare {

namespace {

/// What a child tells its parent.
struct Answer {
  double peak_bytes = 0;
  double held_bytes = 0;
  double factor_bytes = 0;  // with their gradients
};

double peak_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
#ifdef __APPLE__
  return static_cast<double>(usage.ru_maxrss);
#else
  return 1024.0 * static_cast<double>(usage.ru_maxrss);
#endif
}

/// Calls `work` in a forked process and returns what it answers there.
template <class F>
Answer in_a_child(F&& work) {
  std::array<int, 2> ends{};
  pst::require(::pipe(ends.data()) == 0, "there is no pipe for a child process");
  const pid_t child = ::fork();
  pst::require(child >= 0, "there is no child process");
  if (child == 0) {
    try {
      Answer answer = work();
      answer.peak_bytes = peak_bytes();
      ::_exit(::write(ends[1], &answer, sizeof answer) == sizeof answer ? 0 : 1);
    } catch (const std::exception&) {
      ::_exit(1);
    }
  }
  ::close(ends[1]);
  Answer answer;
  const bool whole = ::read(ends[0], &answer, sizeof answer) == sizeof answer;
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  pst::require(whole && status == 0, "a child process that measures memory failed, is there enough of it?");
  return answer;
}

/// Code that is read in and threads that are started belong to no layer: a small one takes them along, in both
/// children.
void start_up(int threads) {
  constexpr pst::Shape small{.in = 64, .out = 64};
  const EigenMatrix weight = make_weight(small);
  Activations at{small, 64};
  exact_layer(weight, 0.9, threads)->step(at);
}

Answer with_layer(pst::Shape shape, double sparsity, int threads) {
  start_up(threads);
  const EigenMatrix weight = make_weight(shape);
  Activations at{shape, bench::many_tokens};
  const auto layer = exact_layer(weight, sparsity, threads);
  layer->step(at);
  const double factors = 2.0 * static_cast<double>(layer->trainable()) * sizeof(float);
  return {.held_bytes = static_cast<double>(layer->held_bytes()), .factor_bytes = factors};
}

Answer without_layer(pst::Shape shape, double factor_bytes, int threads) {
  start_up(threads);
  const EigenMatrix weight = make_weight(shape);
  Activations at{shape, bench::many_tokens};
  const auto count = static_cast<index_t>(factor_bytes / sizeof(float));
  const EigenMatrix factors = EigenMatrix::Constant(1, count, 1.0F);
  pst::require(factors(0, count - 1) > 0, "the memory of the factors was not touched");
  return {};
}

}  // namespace

std::vector<ExtraMemory> extra_memory(const std::vector<pst::Shape>& shapes, double sparsity, int threads) {
  std::vector<ExtraMemory> all;
  for (const pst::Shape shape : shapes) {
    const Answer with = in_a_child([&] { return with_layer(shape, sparsity, threads); });
    const Answer without = in_a_child([&] { return without_layer(shape, with.factor_bytes, threads); });
    const auto weights = static_cast<double>(shape.size());
    all.push_back(
        {shape, (with.held_bytes - with.factor_bytes) / weights, (with.peak_bytes - without.peak_bytes) / weights});
  }
  return all;
}

}  // namespace compare
