// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstddef>
#include <map>
#include <tuple>

#include "axes.hpp"
#include "matrices.hpp"

/// What the benchmarks of Google Benchmark are made of: sizes as arguments, the same numbers for both sides, and clocks
/// that run in turns.
namespace bench {

/// One size of a benchmark, as its arguments say.
struct Size {
  pst::Shape shape;
  index_t tokens = 0;
  index_t density = 0;  ///< in percent

  explicit Size(const benchmark::State& state)
      : shape{.in = state.range(1), .out = state.range(0)}, tokens{state.range(2)}, density{state.range(3)} {}
  /// Operations of one dense product of this size.
  [[nodiscard]] double flops() const { return 2.0 * static_cast<double>(tokens) * static_cast<double>(shape.size()); }
  [[nodiscard]] double sparsity() const { return 1.0 - static_cast<double>(density) / 100.0; }
};

inline void with_names(benchmark::internal::Benchmark* which) {
  which->ArgNames({"out", "in", "n", "density"})->UseManualTime()->Unit(benchmark::kMicrosecond);
}
/// All shapes with the tokens of a training step, at the usual density.
inline void steps(benchmark::internal::Benchmark* which) {
  with_names(which);
  for (const auto& [in, out] : shapes) which->Args({out, in, many_tokens, usual_density});
}
/// Two shapes with four times as many tokens.
inline void long_steps(benchmark::internal::Benchmark* which) {
  with_names(which);
  for (const auto& [in, out] : {shapes[0], shapes[1]}) which->Args({out, in, 4 * many_tokens, usual_density});
}
/// All shapes with many and few tokens, and all densities with many.
inline void products(benchmark::internal::Benchmark* which) {
  with_names(which);
  for (const auto& [in, out] : shapes) {
    for (const index_t density : densities) which->Args({out, in, many_tokens, density});
    for (const index_t tokens : few_tokens) which->Args({out, in, tokens, usual_density});
  }
}
/// All shapes with few tokens, at the usual density.
inline void few_token_products(benchmark::internal::Benchmark* which) {
  with_names(which);
  for (const auto& [in, out] : shapes)
    for (const index_t tokens : few_tokens) which->Args({out, in, tokens, usual_density});
}
/// As `steps`, and of the usual shape the other densities and few tokens too.
inline void steps_and_more(benchmark::internal::Benchmark* which) {
  steps(which);
  const auto [in, out] = usual_shape;
  for (const index_t density : densities)
    if (density != usual_density) which->Args({out, in, many_tokens, density});
  for (const index_t tokens : few_tokens) which->Args({out, in, tokens, usual_density});
}

/// A matrix of N(0, 1), made once for each size and seed.
[[nodiscard]] inline const EigenMatrix& normal(index_t rows, index_t cols, std::uint64_t seed) {
  static std::map<std::tuple<index_t, index_t, std::uint64_t>, EigenMatrix> made;
  EigenMatrix& matrix = made[{rows, cols, seed}];
  if (matrix.size() == 0) matrix = make_normal(rows, cols, seed);
  return matrix;
}

/// How many seconds `work` takes, once.
[[nodiscard]] double seconds(auto&& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  benchmark::ClobberMemory();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// Times `work`, and after each time `dense`, which it replaces: whatever slows the machine slows both.
///
/// The time reported is that of `work`. `speedup` is dense time over time, `GF/s` counts the `dense_flops` of what is
/// replaced, and `bytes` is what `work` keeps in memory besides its inputs and outputs.
void in_turns(benchmark::State& state, double dense_flops, std::size_t bytes, auto&& work, auto&& dense) {
  double time = 0, dense_time = 0;
  work(), dense();  // caches, page tables and clock rates warm up
  for (auto _ : state) {
    const double once = seconds(work);
    state.SetIterationTime(once);
    time += once;
    dense_time += seconds(dense);
  }
  const auto iterations = static_cast<double>(state.iterations());
  state.counters["dense_ms"] = 1e3 * dense_time / iterations;
  state.counters["speedup"] = dense_time / time;
  if (dense_flops > 0) state.counters["GF/s"] = 1e-9 * dense_flops * iterations / time;
  state.counters["bytes"] = static_cast<double>(bytes);
}

}  // namespace bench
