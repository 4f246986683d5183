// SPDX-License-Identifier: Apache-2.0
// The verbs that a step spends its time in, each beside the dense way.
#include <algorithm>
#include <vector>

#include "axes.hpp"
#include "in_turns.hpp"

namespace {

using pst::EigenCpu;
using pst::index_t;
using Key = pst::OrderKey<float>;
using Select = pst::RadixSelect<Key>;

/// A random mask, and the normal weight that it leaves, compressed.
struct Masked {
  EigenCpu on{};
  bench::Size size;
  const bench::EigenMatrix& weight = bench::normal(size.shape.out, size.shape.in, 3);
  std::vector<pst::mask_word> words = std::vector<pst::mask_word>(
      static_cast<std::size_t>(size.shape.out * pst::MaskView<int>::words_for(size.shape.in)));
  pst::CompressedWeight<EigenCpu, float> kept{size.shape};
  EigenCpu::workspace<float> workspace{on, {size.shape, on.plan(size.shape, 1)}};

  explicit Masked(const benchmark::State& state) : size{state} {
    on.fill_mask(mask(), [this](index_t r, index_t c) {
      return pst::mix_bits(static_cast<std::uint64_t>(r * size.shape.in + c)) % 100 <
             static_cast<std::uint64_t>(size.density);
    });
    kept.reserve(on.count_rows(mask(), kept.row_start()));
    compress();
  }
  [[nodiscard]] pst::MaskView<pst::mask_word> mask() { return {words.data(), size.shape.out, size.shape.in}; }
  void compress() {
    const pst::RowPlan plan = on.plan(size.shape, 1);
    on.for_each_part(plan.parts(), [&](index_t part, index_t slot) {
      plan.for_each_block(part, slot, [&](pst::RowBlock rows) {
        on.compress(bench::view(weight).middle_rows(rows.first, rows.count), mask().middle_rows(rows.first, rows.count),
                    rows, kept.view());
      });
    });
  }
};

void compressed_forward(benchmark::State& state) {
  Masked masked{state};
  const auto& x = bench::normal(masked.size.tokens, masked.size.shape.in, 1);
  bench::EigenMatrix y(masked.size.tokens, masked.size.shape.out);
  bench::in_turns(
      state, masked.size.flops(), masked.kept.bytes(),
      [&] {
        masked.on.compressed_forward<float>(masked.kept.view(), bench::view(x), {}, bench::view(y), masked.workspace);
      },
      [&] { y.noalias() = x * masked.weight.transpose(); });
}
void compressed_backward(benchmark::State& state) {
  Masked masked{state};
  const auto& grad_y = bench::normal(masked.size.tokens, masked.size.shape.out, 2);
  bench::EigenMatrix grad_x(masked.size.tokens, masked.size.shape.in);
  bench::in_turns(
      state, masked.size.flops(), masked.kept.bytes(),
      [&] {
        masked.on.compressed_backward<float>(masked.kept.view(), bench::view(grad_y), bench::view(grad_x),
                                             masked.workspace);
      },
      [&] { grad_x.noalias() = grad_y * masked.weight; });
}
/// Beside a copy of the whole weight.
void compress(benchmark::State& state) {
  Masked masked{state};
  bench::EigenMatrix copy(masked.size.shape.out, masked.size.shape.in);
  bench::in_turns(
      state, 0, masked.kept.bytes(), [&] { masked.compress(); }, [&] { copy = masked.weight; });
}

/// A block of rows of grad_W = grad_y^T x, on one thread: `n` tokens, and as many rows as the layer would take.
void gemm_tn(benchmark::State& state) {
  const bench::Size size{state};
  EigenCpu on{1};
  const index_t rows = std::min(on.plan(size.shape, 1).rows_per_block, size.shape.out);
  const auto& grad_y = bench::normal(size.tokens, size.shape.out, 2);
  const auto& x = bench::normal(size.tokens, size.shape.in, 1);
  bench::EigenMatrix block(rows, size.shape.in);
  const int threads = Eigen::nbThreads();
  Eigen::setNbThreads(1);
  bench::in_turns(
      state, 2.0 * static_cast<double>(size.tokens * rows * size.shape.in), 0,
      [&] {
        on.fill(bench::view(block), 0.0F);
        on.gemm_tn(1.0, bench::view(grad_y).middle_cols(0, rows), bench::view(x), bench::view(block));
      },
      [&] { block.noalias() = grad_y.leftCols(rows).transpose() * x; });
  Eigen::setNbThreads(threads);
  state.counters["rows"] = static_cast<double>(rows);
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

BENCHMARK(compressed_forward)->Apply(bench::products);
BENCHMARK(compressed_backward)->Apply(bench::products);
BENCHMARK(gemm_tn)->Apply(bench::steps);
BENCHMARK(select_lowest)->Apply(bench::steps);
BENCHMARK(histogram)->Apply(bench::steps);
BENCHMARK(compress)->Apply(bench::steps);

}  // namespace
