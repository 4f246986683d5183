// SPDX-License-Identifier: Apache-2.0
// The verbs of one tile of the weight, each beside the dense way, on one thread.
#include <algorithm>
#include <vector>

#include "axes.hpp"
#include "in_turns.hpp"

#include <pst/pst.hpp>

namespace {

using pst::EigenCpu;
using pst::index_t;
constexpr index_t rank = 8;

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

/// The scores of PST, abs(W0 + U V) + A B + R 1^T + 1 C^T.
void sum_terms(benchmark::State& state) {
  OneTile tile{state};
  const bench::EigenMatrix weight = bench::normal(tile.rows, tile.cols, 5);
  const auto& left = bench::normal(tile.rows, rank, 6);
  const auto& right = bench::normal(rank, tile.cols, 7);
  const auto& column = bench::normal(tile.rows, 1, 8);
  const auto& row = bench::normal(1, tile.cols, 9);
  bench::EigenMatrix scores = weight;
  using View = pst::MatrixView<const float>;
  const pst::terms::Product<View> product{1.0, bench::view(left), bench::view(right)};
  bench::in_turns(
      state, 4.0 * static_cast<double>(rank) * tile.weights(), 0,
      [&] {
        using Effective = pst::terms::Plus<float, View, pst::terms::Product<View>>;
        tile.on.sum_terms(bench::view(scores), pst::terms::Absolute<Effective>{{bench::view(weight), product}}, product,
                          pst::terms::OuterSum<View>{1.0, bench::view(column), bench::view(row)});
      },
      [&] {
        scores.noalias() = left * right;
        scores = (scores + weight).cwiseAbs();
        scores.noalias() += left * right;
        scores.colwise() += column.col(0);
        scores.rowwise() += row.row(0);
      });
}
/// What the mask leaves of a gradient: G .* (M + abs W~) of every element, from one bit of a mask or from a number.
void map(benchmark::State& state) {
  OneTile tile{state};
  const bench::EigenMatrix weight = bench::normal(tile.rows, tile.cols, 5);
  const bench::EigenMatrix dense_mask = (bench::normal(tile.rows, tile.cols, 6).array() > 1.28F).cast<float>().matrix();
  const auto& grad = bench::normal(tile.rows, tile.cols, 7);
  bench::EigenMatrix out = grad;
  std::vector<pst::mask_word> words(static_cast<std::size_t>(tile.rows * pst::MaskView<int>::words_for(tile.cols)));
  const pst::MaskView<pst::mask_word> mask{words.data(), tile.rows, tile.cols};
  tile.on.fill_mask(mask, [&](index_t r, index_t c) { return dense_mask(r, c) != 0; });
  const auto rule = [](float g, bool kept, float w) { return g * ((kept ? 1.0F : 0.0F) + (w < 0 ? -w : w)); };
  bench::in_turns(
      state, 3.0 * tile.weights(), words.size() * sizeof(pst::mask_word),
      [&] {
        tile.on.map(bench::view(out), rule, bench::view(grad), pst::MaskView<const pst::mask_word>{mask},
                    bench::view(weight));
      },
      [&] { out = grad.array() * (dense_mask.array() + weight.array().abs()); });
}

BENCHMARK(gradient_tile)->Apply(bench::steps);
BENCHMARK(thin_products)->Apply(bench::steps);
BENCHMARK(sum_terms)->Apply(bench::steps);
BENCHMARK(map)->Apply(bench::steps);

}  // namespace
