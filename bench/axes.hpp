// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <benchmark/benchmark.h>

#include <array>
#include <pst/pst.hpp>

/// The sizes that all benchmarks share.
namespace bench {

using pst::index_t;

/// Square, wide, tall, and larger than any cache.
inline constexpr std::array<pst::Shape, 4> shapes{{
    {.in = 768, .out = 768},
    {.in = 768, .out = 3072},
    {.in = 3072, .out = 768},
    {.in = 4096, .out = 4096},
}};
/// Tokens of a training step, and of generating text.
inline constexpr index_t many_tokens = 1024;
inline constexpr std::array<index_t, 3> few_tokens{1, 8, 64};
/// Kept weights, in percent: where sparse is good, where it is used at all, and between.
inline constexpr std::array<index_t, 4> densities{5, 10, 20, 30};
inline constexpr index_t usual_density = 10;

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
/// All shapes with many and few tokens, and all densities with many.
inline void products(benchmark::internal::Benchmark* which) {
  with_names(which);
  for (const auto& [in, out] : shapes) {
    for (const index_t density : densities) which->Args({out, in, many_tokens, density});
    for (const index_t tokens : few_tokens) which->Args({out, in, tokens, usual_density});
  }
}

}  // namespace bench
