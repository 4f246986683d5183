// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <deque>

#include "pst/selector/global_top_k.hpp"
#include "pst/selector/top_k.hpp"
#include "support/selector_tools.hpp"

namespace pst::test {
namespace {

/// Scores that move from step to step in a way of their own; as much as a guess can be wrong about.
template <class Scalar>
[[nodiscard]] HostMatrix<Scalar> moved(index_t rows, index_t cols, int way, int step) {
  const auto still = Draw{7}.normal<double>(rows, cols);
  Draw draw{static_cast<std::uint64_t>(100 * way + step)};
  const auto noise = draw.normal<double>(rows, cols);
  if (way == 5) return hard_scores<Scalar>(rows, cols, static_cast<std::uint64_t>(step));
  HostMatrix<Scalar> out(rows, cols);
  for (index_t r = 0; r < rows; ++r)
    for (index_t c = 0; c < cols; ++c) {
      const double s = still(r, c), n = noise(r, c);
      const double ways[] = {std::abs(s) + 1e-4 * n, s + 0.02 * step, step % 3 == 0 ? -s : s, n * step, 1.0 * step};
      out(r, c) = static_cast<Scalar>(ways[way]);
    }
  return out;
}

TEST_CASE_TEMPLATE("top_k is exact however the scores have moved since it last looked", T, ReferenceDouble,
                   PartsFloat) {
  using Scalar = typename T::scalar;
  for (const Shape shape : {Shape{1, 1}, Shape{20, 33}, Shape{130, 70}, Shape{257, 31}})
    for (int way = 0; way < 6; ++way) {
      CAPTURE(shape.in);
      CAPTURE(way);
      HostMatrix<Scalar> weight(shape.out, shape.in);
      typename T::backend on;
      const LayerLayout layout{on.plan(shape, 1)};
      typename TopK::template State<typename T::backend, Scalar> state{TopK{}, on, layout, weight.view()};
      for (int step = 0; step < 12; ++step) {
        const auto scores = moved<Scalar>(shape.out, shape.in, way, step);
        const double sparsity = step == 5 ? 0.0 : 0.7 + 0.02 * step;
        std::vector<mask_word> words(static_cast<std::size_t>(shape.out * MaskView<mask_word>::words_for(shape.in)));
        const MaskView<mask_word> mask{words.data(), shape.out, shape.in};
        const auto each_block = [&](auto&& f) {
          for (index_t part = 0; part < layout.plan.parts(); ++part) layout.plan.for_each_block(part, 0, f);
        };
        for (state.begin(on, sparsity); state.wants_pass(); state.end_pass(on))
          each_block([&](Tile tile) { state.observe(on, tile, tile.rows_of(scores.view())); });
        each_block([&](Tile tile) { state.select(on, tile, tile.rows_of(scores.view()), tile.rows_of(mask)); });
        CHECK(unpacked(mask) == oracle::lowest_pruned(scores.template as<double>(), sparsity));
      }
    }
}
TEST_CASE_TEMPLATE("one pass is enough where the threshold moves little or steadily", T, ReferenceDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  const Shape shape{.in = 200, .out = 90};
  typename T::backend on;
  const LayerLayout layout{on.plan(shape, 1)};
  HostMatrix<Scalar> weight(shape.out, shape.in);
  for (int way : {0, 1}) {
    CAPTURE(way);
    typename TopK::template State<typename T::backend, Scalar> state{TopK{}, on, layout, weight.view()};
    int passes = 0;
    for (int step = 0; step < 10; ++step) {
      const auto scores = moved<Scalar>(shape.out, shape.in, way, step);
      if (step == 6) passes = 0;  // by now it knows how wide to look
      for (state.begin(on, 0.9); state.wants_pass(); state.end_pass(on), ++passes)
        for (index_t part = 0; part < layout.plan.parts(); ++part)
          layout.plan.for_each_block(part, 0, [&](Tile tile) { state.observe(on, tile, tile.rows_of(scores.view())); });
    }
    CHECK(passes == 4);
  }
}
TEST_CASE_TEMPLATE("layers with one budget stay exact from step to step, together and alone", T, ReferenceDouble,
                   PartsFloat) {
  using Scalar = typename T::scalar;
  using Layer = ScoredLayer<T, GlobalTopK>;
  const Shape shapes[] = {{20, 33}, {65, 1}, {3, 70}};
  for (int way = 0; way < 6; ++way) {
    CAPTURE(way);
    std::deque<HostMatrix<Scalar>> weights;
    std::deque<Layer> layers;
    std::vector<Layer*> list;
    for (const Shape shape : shapes) {
      weights.emplace_back(shape.out, shape.in).fill(1);
      layers.emplace_back(shape, typename Layer::Options{.schedule = {.sparsity = 0.8}})
          .attach(std::as_const(weights.back()).view());
      list.push_back(&layers.back());
    }
    for (int step = 0; step < 9; ++step) {
      std::vector<double> all;
      for (Layer* layer : list) {
        const auto scores = moved<Scalar>(layer->shape().out, layer->shape().in, way, step);
        assign(parameter_of(*layer, "score.S").value, scores);
        for (index_t r = 0; r < scores.rows(); ++r)
          for (index_t c = 0; c < scores.cols(); ++c) all.push_back(static_cast<double>(scores(r, c)));
      }
      if (step % 4 == 3) {  // what it guesses next is no longer what the others guess
        const auto alone = copy_of(parameter_of(*list[1], "score.S").value);
        list[1]->begin_step(0, 1);
        CHECK(unpacked(list[1]->mask()) == oracle::lowest_pruned(alone.template as<double>(), 0.8));
      }
      begin_step_together(std::span<Layer* const>{list}, 0, 1);
      oracle::Mat flat(1, std::ssize(all));
      for (index_t i = 0; i < std::ssize(all); ++i) flat(0, i) = all[static_cast<std::size_t>(i)];
      oracle::Mask found;
      for (Layer* layer : list) {
        const auto mask = unpacked(layer->mask());
        found.insert(found.end(), mask.begin(), mask.end());
      }
      CHECK(found == oracle::lowest_pruned(flat, 0.8));
    }
  }
}

}  // namespace
}  // namespace pst::test
