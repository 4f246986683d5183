// SPDX-License-Identifier: Apache-2.0
#include "pst/selector/global_top_k.hpp"

#include <doctest/doctest.h>

#include <deque>

#include "support/selector_tools.hpp"

namespace pst::test {
namespace {

/// The masks of layers with the given scores after a step together, behind one another.
template <class T>
oracle::Mask together(const std::vector<HostMatrix<typename T::scalar>>& scores, double sparsity, int steps = 1) {
  using Layer = ScoredLayer<T, GlobalTopK>;
  std::deque<HostMatrix<typename T::scalar>> weights;
  std::deque<Layer> layers;
  std::vector<Layer*> list;
  for (const auto& score : scores) {
    weights.emplace_back(score.rows(), score.cols()).fill(1);
    Layer& layer = layers.emplace_back(Shape{.in = score.cols(), .out = score.rows()},
                                       typename Layer::Options{.schedule = {.sparsity = sparsity}});
    layer.attach(std::as_const(weights.back()).view());
    assign(parameter_of(layer, "score.S").value, score);
    list.push_back(&layer);
  }
  for (int step = 0; step < steps; ++step) begin_step_together(std::span<Layer* const>{list}, 0, 1);
  oracle::Mask all;
  for (Layer& layer : layers) {
    const auto mask = unpacked(layer.mask());
    CHECK(layer.kept() == kept_in(mask));
    CHECK(layer.sparsity() == sparsity);
    all.insert(all.end(), mask.begin(), mask.end());
  }
  return all;
}
/// All scores in one row, ranked by a stable sort.
template <class Scalar>
oracle::Mask ranked_together(const std::vector<HostMatrix<Scalar>>& scores, double sparsity) {
  index_t size = 0;
  for (const auto& score : scores) size += score.rows() * score.cols();
  oracle::Mat all(1, size);
  index_t at = 0;
  for (const auto& score : scores)
    for (index_t r = 0; r < score.rows(); ++r)
      for (index_t c = 0; c < score.cols(); ++c) all(0, at++) = static_cast<double>(score(r, c));
  return oracle::lowest_pruned(all, sparsity);
}

TEST_CASE_TEMPLATE("layers that step together share one budget", T, ReferenceDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  Draw draw{1};
  const std::vector<HostMatrix<Scalar>> spread{draw.normal<Scalar>(33, 20), draw.normal<Scalar>(1, 65, 0, 5),
                                               draw.normal<Scalar>(70, 3, 0, 0.1)};
  const std::vector<HostMatrix<Scalar>> tied{draw.grid<Scalar>(33, 20), draw.grid<Scalar>(1, 65),
                                             draw.grid<Scalar>(70, 3)};
  std::vector<HostMatrix<Scalar>> constant{HostMatrix<Scalar>(20, 9), HostMatrix<Scalar>(3, 65),
                                           HostMatrix<Scalar>(40, 3)};
  for (double sparsity : {0.0, 0.01, 0.3, 0.5, 0.65, 0.9, 0.999999})
    for (const auto& scores : {spread, tied, constant}) {
      CHECK(together<T>(scores, sparsity) == ranked_together(scores, sparsity));
      CHECK(together<T>(scores, sparsity, 2) == ranked_together(scores, sparsity));
    }
}
TEST_CASE_TEMPLATE("ties are pruned in the first layers first", T, ReferenceFloat, PartsFloat) {
  const std::vector<HostMatrix<float>> constant{HostMatrix<float>(20, 10), HostMatrix<float>(30, 10)};
  const auto mask = together<T>(constant, 0.5);
  CHECK(kept_in(mask) == 250);
  CHECK(mask[249] == 0);
  CHECK(mask[250] == 1);
}
TEST_CASE_TEMPLATE("one layer alone is ranked as top_k does, stepping together or by itself", T, ReferenceDouble,
                   PartsFloat) {
  using Scalar = typename T::scalar;
  for (double sparsity : all_sparsities) {
    const auto scores = hard_scores<Scalar>(41, 23, 9);
    const auto expected = selected<T, TopK>(scores, sparsity);
    CHECK(together<T>({scores}, sparsity) == expected);
    CHECK(selected<T, GlobalTopK>(scores, sparsity) == expected);
  }
}
TEST_CASE_TEMPLATE("between refreshes a step together keeps all masks, unless a layer has none yet", T, ReferenceFloat,
                   PartsFloat) {
  using Layer = typename ScoredLayer<T, GlobalTopK>::template with<RefreshEveryKthStep>;
  const auto weight = Draw{1}.normal<float>(8, 8);
  Layer first{{.in = 8, .out = 8}, {.schedule = {.sparsity = 0.5}, .refresh = {.interval = 100}}}, second = [] {
    return Layer{{.in = 8, .out = 8}, {.schedule = {.sparsity = 0.5}, .refresh = {.interval = 100}}};
  }();
  first.attach(weight.view()), second.attach(weight.view());
  Layer* const list[] = {&first, &second};
  begin_step_together(std::span<Layer* const>{list, 1}, 1, 10);
  begin_step_together(std::span<Layer* const>{list}, 2, 10);  // the second has no mask
  const auto mask = unpacked(first.mask()), other = unpacked(second.mask());
  assign(parameter_of(first, "score.S").value, Draw{2}.normal<float>(8, 8));
  begin_step_together(std::span<Layer* const>{list}, 3, 10);
  refresh_together(std::span<Layer* const>{list}, 0.3);
  CHECK(unpacked(first.mask()) == mask);
  CHECK(unpacked(second.mask()) == other);
  begin_step_together(std::span<Layer* const>{list}, 10, 10);  // the last step refreshes
  CHECK(unpacked(first.mask()) != mask);
}
TEST_CASE("no layers at all take a step together in peace") {
  using Layer = ScoredLayer<ReferenceFloat, GlobalTopK>;
  begin_step_together(std::span<Layer* const>{}, 0, 1);
}
TEST_CASE_TEMPLATE("when one layer is NaN, a step together leaves all masks as they were", T, ReferenceFloat,
                   PartsFloat) {
  using Layer = ScoredLayer<T, GlobalTopK>;
  const auto weight = Draw{1}.normal<float>(8, 8);
  Layer first{{.in = 8, .out = 8}, {.schedule = {.sparsity = 0.5}, .name = "first"}},
      second{{.in = 8, .out = 8}, {.schedule = {.sparsity = 0.5}, .name = "second"}};
  first.attach(weight.view()), second.attach(weight.view());
  Layer* const list[] = {&first, &second};
  const std::span<Layer* const> both{list};
  begin_step_together(both, 0, 1);
  const auto mask = unpacked(first.mask());
  assign(parameter_of(first, "score.S").value, Draw{2}.normal<float>(8, 8));
  parameter_of(second, "score.S").value(3, 4) = std::numeric_limits<float>::quiet_NaN();
  CHECK(error_of([&] { begin_step_together(both, 0, 1); }) ==
        "layer second: score.S is nan at row 3, column 4, expected finite numbers");
  CHECK(unpacked(first.mask()) == mask);
}

}  // namespace
}  // namespace pst::test
