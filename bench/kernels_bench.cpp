// SPDX-License-Identifier: Apache-2.0
// The verbs that a step spends its time in, each beside the dense way.
#include <algorithm>
#include <vector>

#include "axes.hpp"
#include "in_turns.hpp"

#include <pst/pst.hpp>

namespace {

using pst::EigenCpu;
using pst::index_t;
using Key = pst::OrderKey<float>;
using Select = pst::RadixSelect<Key>;

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

/// A layer's largest tile, on one thread.
struct OneTile {
  EigenCpu on{1};
  bench::Size size;
  pst::WorkPlan plan = on.plan(size.shape, 1);
  index_t rows = plan.rows_per_tile, cols = std::min(plan.cols_per_tile, size.shape.in);
  int threads = Eigen::nbThreads();

  explicit OneTile(const benchmark::State& state) : size{state} { Eigen::setNbThreads(1); }
  ~OneTile() { Eigen::setNbThreads(threads); }
  [[nodiscard]] double weights() const { return static_cast<double>(rows * cols); }
};
/// A tile of grad_W = grad_y^T x.
void gradient_tile(benchmark::State& state) {
  OneTile tile{state};
  const auto& grad_y = bench::normal(tile.size.tokens, tile.size.shape.out, 2);
  const auto& x = bench::normal(tile.size.tokens, tile.size.shape.in, 1);
  bench::EigenMatrix out(tile.rows, tile.cols);
  bench::in_turns(
      state, 2.0 * static_cast<double>(tile.size.tokens) * tile.weights(), 0,
      [&] {
        tile.on.fill(bench::view(out), 0.0F);
        tile.on.gemm_tn(1.0, bench::view(grad_y).middle_cols(0, tile.rows), bench::view(x).middle_cols(0, tile.cols),
                        bench::view(out));
      },
      [&] { out.noalias() = grad_y.leftCols(tile.rows).transpose() * x.leftCols(tile.cols); });
}
/// What a tile of the gradient is contracted with, rank 8: G R^T and L^T G, and the L R that makes W~.
void thin_products(benchmark::State& state) {
  constexpr index_t rank = 8;
  OneTile tile{state};
  const bench::EigenMatrix grad = bench::normal(tile.rows, tile.cols, 5);
  const auto& left = bench::normal(tile.rows, rank, 6);
  const auto& right = bench::normal(rank, tile.cols, 7);
  bench::EigenMatrix grad_left = left, grad_right = right, weight = grad;
  bench::in_turns(
      state, 6.0 * static_cast<double>(rank) * tile.weights(), 0,
      [&] {
        tile.on.gemm_nt(1.0, bench::view(grad), bench::view(right), bench::view(grad_left));
        tile.on.gemm_tn(1.0, bench::view(left), bench::view(grad), bench::view(grad_right));
        tile.on.gemm(1.0, bench::view(left), bench::view(right), bench::view(weight));
      },
      [&] {
        grad_left.noalias() += grad * right.transpose();
        grad_right.noalias() += left.transpose() * grad;
        weight.noalias() += left * right;
      });
}

/// Finds the threshold and writes the mask of a whole matrix of scores, on one thread; the other way is nth_element on
/// a copy.
void select_lowest(benchmark::State& state) {
  const bench::Size size{state};
  EigenCpu on{1};
  const auto& scores = bench::normal(size.shape.out, size.shape.in, 4);
  const index_t pruned = pst::pruned_count(size.shape.size(), size.sparsity());
  std::vector<std::int64_t> counts(static_cast<std::size_t>(Select::Digit::bins));
  std::vector<pst::mask_word> words(
      static_cast<std::size_t>(size.shape.out * pst::MaskView<int>::words_for(size.shape.in)));
  const pst::MaskView<pst::mask_word> mask{words.data(), size.shape.out, size.shape.in};
  std::vector<float> copy(static_cast<std::size_t>(size.shape.size()));
  bench::in_turns(
      state, 0, words.size() * sizeof(pst::mask_word),
      [&] {
        Select select;
        for (select.begin(pruned); select.searching(); select.choose(counts)) {
          std::ranges::fill(counts, 0);
          on.histogram(bench::view(scores), select.digit(),
                       pst::MatrixView<std::int64_t>{counts.data(), 1, Select::Digit::bins});
        }
        benchmark::DoNotOptimize(on.prune_lowest(bench::view(scores), select.threshold(), select.ties(), mask));
      },
      [&] {
        std::copy_n(scores.data(), scores.size(), copy.begin());
        std::nth_element(copy.begin(), copy.begin() + (pruned - 1), copy.end());
        const float threshold = copy[static_cast<std::size_t>(pruned - 1)];
        on.fill_mask(mask, [&](index_t r, index_t c) { return scores(r, c) > threshold; });
      });
}
/// One pass of a histogram, beside reading the scores once: their sum.
void histogram(benchmark::State& state) {
  const bench::Size size{state};
  EigenCpu on{1};
  const auto& scores = bench::normal(size.shape.out, size.shape.in, 4);
  Select select;
  select.begin(pst::pruned_count(size.shape.size(), size.sparsity()));
  std::vector<std::int64_t> counts(static_cast<std::size_t>(Select::Digit::bins));
  bench::in_turns(
      state, 0, counts.size() * sizeof(std::int64_t),
      [&] {
        on.histogram(bench::view(scores), select.digit(),
                     pst::MatrixView<std::int64_t>{counts.data(), 1, Select::Digit::bins});
      },
      [&] { benchmark::DoNotOptimize(scores.sum()); });
}

BENCHMARK(forward)->Apply(bench::products);
BENCHMARK(grad_x)->Apply(bench::products);
BENCHMARK(sampled_product)->Apply(bench::products);
BENCHMARK(gradient_tile)->Apply(bench::steps);
BENCHMARK(thin_products)->Apply(bench::steps);
BENCHMARK(select_lowest)->Apply(bench::steps);
BENCHMARK(histogram)->Apply(bench::steps);
BENCHMARK(compress)->Apply(bench::steps);

}  // namespace
