// SPDX-License-Identifier: Apache-2.0
// The verbs of the compressed weight, each beside the dense way.
#include <vector>

#include "axes.hpp"
#include "in_turns.hpp"

#include <pst/pst.hpp>

namespace {

using pst::EigenCpu;
using pst::index_t;

/// A random mask, and the normal weight that it leaves, compressed in both orders.
struct Masked {
  using Compressed = pst::CompressedWeight<EigenCpu, float>;

  EigenCpu on{};
  bench::Size size;
  const bench::EigenMatrix& weight = bench::normal(size.shape.out, size.shape.in, 3);
  std::vector<pst::mask_word> words = std::vector<pst::mask_word>(
      static_cast<std::size_t>(size.shape.out * pst::MaskView<int>::words_for(size.shape.in)));
  Compressed by_rows{size.shape.out, size.shape.in};
  Compressed by_columns{size.shape.in, size.shape.out};
  EigenCpu::workspace<float> workspace{on, {on.plan(size.shape, 1), 0}};

  explicit Masked(const benchmark::State& state) : size{state} {
    on.fill_mask(mask(), [this](index_t r, index_t c) {
      return pst::mix_bits(static_cast<std::uint64_t>(r * size.shape.in + c)) % 100 <
             static_cast<std::uint64_t>(size.density);
    });
    const index_t kept = on.count_kept(mask(), by_rows.view());
    by_rows.reserve(kept);
    by_columns.reserve(kept);
    compress();
    on.transpose_compressed(by_rows.view(), by_columns.view());
  }
  [[nodiscard]] pst::MaskView<pst::mask_word> mask() { return {words.data(), size.shape.out, size.shape.in}; }
  void compress() {
    const pst::WorkPlan plan = on.plan(size.shape, 1);
    on.for_each_part(plan.parts(), [&](index_t part, index_t slot) {
      plan.for_each_block(part, slot, [&](pst::Tile tile) {
        on.compress(tile.rows_of(bench::view(weight)), tile.rows_of(mask()), tile, by_rows.view());
      });
    });
  }
};

void forward(benchmark::State& state) {
  Masked masked{state};
  const auto& x = bench::normal(masked.size.tokens, masked.size.shape.in, 1);
  bench::EigenMatrix y(masked.size.tokens, masked.size.shape.out);
  bench::in_turns(
      state, masked.size.flops(), masked.by_rows.bytes(),
      [&] {
        masked.on.compressed_product<float>(masked.by_rows.view(), bench::view(x), {}, bench::view(y),
                                            masked.workspace);
      },
      [&] { y.noalias() = x * masked.weight.transpose(); });
}
void grad_x(benchmark::State& state) {
  Masked masked{state};
  const auto& grad_y = bench::normal(masked.size.tokens, masked.size.shape.out, 2);
  bench::EigenMatrix grad_x(masked.size.tokens, masked.size.shape.in);
  bench::in_turns(
      state, masked.size.flops(), masked.by_columns.bytes(),
      [&] {
        masked.on.compressed_product<float>(masked.by_columns.view(), bench::view(grad_y), {}, bench::view(grad_x),
                                            masked.workspace);
      },
      [&] { grad_x.noalias() = grad_y * masked.weight; });
}
/// grad_y^T x at the kept weights, beside all of it.
void sampled_product(benchmark::State& state) {
  Masked masked{state};
  const auto& x = bench::normal(masked.size.tokens, masked.size.shape.in, 1);
  const auto& grad_y = bench::normal(masked.size.tokens, masked.size.shape.out, 2);
  bench::EigenMatrix all(masked.size.shape.out, masked.size.shape.in);
  std::vector<float> values(masked.by_rows.view().start[masked.by_rows.view().panels() * masked.size.shape.out]);
  bench::in_turns(
      state, masked.size.flops(), values.size() * sizeof(float),
      [&] {
        masked.on.sampled_product<float>(masked.by_rows.view(), bench::view(grad_y), bench::view(x), values.data(),
                                         masked.workspace);
      },
      [&] { all.noalias() = grad_y.transpose() * x; });
}
/// Both orders of the compressed weight from the mask and the weight, beside a copy of the whole weight.
void compress(benchmark::State& state) {
  Masked masked{state};
  bench::EigenMatrix copy(masked.size.shape.out, masked.size.shape.in);
  bench::in_turns(
      state, 0, masked.by_rows.bytes() + masked.by_columns.bytes(),
      [&] {
        masked.compress();
        masked.on.transpose_compressed(masked.by_rows.view(), masked.by_columns.view());
      },
      [&] { copy = masked.weight; });
}

/// Tokens as lanes and back, a block at a time, beside Eigen's transposition of all of them and back.
void lanes(benchmark::State& state) {
  constexpr int tokens = pst::eigen_cpu::block_tokens<float>;
  const bench::Size size{state};
  const auto& x = bench::normal(size.tokens, size.shape.in, 1);
  bench::EigenMatrix y(size.tokens, size.shape.in), turned(size.shape.in, size.tokens);
  std::vector<float> block(static_cast<std::size_t>(tokens * size.shape.in));
  bench::in_turns(
      state, 0, block.size() * sizeof(float),
      [&] {
        for (index_t first = 0; first < size.tokens; first += tokens) {
          const index_t count = std::min<index_t>(tokens, size.tokens - first);
          pst::eigen_cpu::to_lanes<tokens>(bench::view(x).middle_rows(first, count), block.data());
          pst::eigen_cpu::from_lanes<tokens>(block.data(), bench::view(y).middle_rows(first, count));
        }
      },
      [&] {
        turned = x.transpose();
        y = turned.transpose();
      });
}

BENCHMARK(forward)->Apply(bench::products);
BENCHMARK(grad_x)->Apply(bench::products);
BENCHMARK(sampled_product)->Apply(bench::products);
BENCHMARK(compress)->Apply(bench::steps);
BENCHMARK(lanes)->Apply(bench::steps);

}  // namespace
