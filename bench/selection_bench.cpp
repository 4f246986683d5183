// SPDX-License-Identifier: Apache-2.0
// The verbs that rank scores, each beside the way of the standard library, on one thread.
#include <algorithm>
#include <vector>

#include "axes.hpp"
#include "in_turns.hpp"

#include <pst/pst.hpp>

namespace {

using pst::EigenCpu;
using pst::index_t;
using Select = pst::RadixSelect<pst::OrderKey<float>>;

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

/// The lowest of each row, beside nth_element on a copy of it.
void select_lowest_per_row(benchmark::State& state) {
  const bench::Size size{state};
  EigenCpu on{1};
  const auto& scores = bench::normal(size.shape.out, size.shape.in, 4);
  const index_t pruned = pst::pruned_count(size.shape.in, size.sparsity());
  std::vector<pst::mask_word> words(
      static_cast<std::size_t>(size.shape.out * pst::MaskView<int>::words_for(size.shape.in)));
  const pst::MaskView<pst::mask_word> mask{words.data(), size.shape.out, size.shape.in};
  std::vector<float> copy(static_cast<std::size_t>(size.shape.in));
  bench::in_turns(
      state, 0, words.size() * sizeof(pst::mask_word),
      [&] { on.prune_lowest_per_row(bench::view(scores), pruned, mask); },
      [&] {
        for (index_t r = 0; r < size.shape.out; ++r) {
          std::copy_n(scores.row(r).data(), size.shape.in, copy.begin());
          std::nth_element(copy.begin(), copy.begin() + (pruned - 1), copy.end());
          const float threshold = copy[static_cast<std::size_t>(pruned - 1)];
          on.fill_mask(mask.middle_rows(r, 1), [&](index_t, index_t c) { return scores(r, c) > threshold; });
        }
      });
}

BENCHMARK(select_lowest)->Apply(bench::steps);
BENCHMARK(select_lowest_per_row)->Apply(bench::steps);
BENCHMARK(histogram)->Apply(bench::steps);

}  // namespace
