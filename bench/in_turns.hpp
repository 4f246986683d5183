// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <benchmark/benchmark.h>

#include <Eigen/Core>
#include <chrono>
#include <map>
#include <pst/pst.hpp>
#include <tuple>

/// What all benchmarks are made of: the same numbers for both sides, and clocks that run in turns.
namespace bench {

using EigenMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

[[nodiscard]] inline pst::MatrixView<float> view(EigenMatrix& matrix) {
  return {matrix.data(), matrix.rows(), matrix.cols()};
}
[[nodiscard]] inline pst::MatrixView<const float> view(const EigenMatrix& matrix) {
  return {matrix.data(), matrix.rows(), matrix.cols()};
}

/// A matrix of N(0, 1), made once for each size and seed.
[[nodiscard]] inline const EigenMatrix& normal(Eigen::Index rows, Eigen::Index cols, std::uint64_t seed) {
  static std::map<std::tuple<Eigen::Index, Eigen::Index, std::uint64_t>, EigenMatrix> made;
  EigenMatrix& matrix = made[{rows, cols, seed}];
  if (matrix.size() == 0) {
    matrix.resize(rows, cols);
    pst::EigenCpu{}.generate(
        view(matrix), [at = pst::NormalAt{seed}, cols](pst::index_t r, pst::index_t c) { return at(r * cols + c); });
  }
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
