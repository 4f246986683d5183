// SPDX-License-Identifier: Apache-2.0
#ifdef _OPENMP
#include <omp.h>
#endif

#include <doctest/doctest.h>

#include <functional>
#include <span>
#include <thread>
#include <vector>

#include "support/layer_tools.hpp"

namespace pst::test {
namespace {

/// Everything that steps of training leave behind, as bits.
template <class Layer>
std::vector<std::uint64_t> trail(Shape shape, index_t tokens, double dense_above_density,
                                 const typename Layer::backend& on) {
  using Scalar = typename Layer::scalar;
  std::vector<std::uint64_t> bits;
  const auto add = [&](auto view) {
    for (index_t r = 0; r < view.rows; ++r)
      for (index_t c = 0; c < view.cols; ++c) bits.push_back(std::bit_cast<OrderKey<Scalar>>(Scalar{view(r, c)}));
  };
  auto weight = Draw{1}.normal<Scalar>(shape.out, shape.in, 1), bias = Draw{2}.normal<Scalar>(1, shape.out);
  const auto x = Draw{3}.normal<Scalar>(tokens, shape.in, 1), grad_y = Draw{4}.normal<Scalar>(tokens, shape.out, 3);
  HostMatrix<Scalar> y(tokens, shape.out), grad_x(tokens, shape.in);
  Layer layer{shape, {.dense_above_density = dense_above_density}, on};
  layer.attach(weight.view(), bias.view());
  Sgd<Scalar> optimizer{{.learning_rate = 0.01}};
  for (int step : {2, 5, 10}) {
    layer.begin_step(step, 10);
    for (int repeat = 0; repeat < 2; ++repeat) {
      layer.forward(x.view(), y.view());
      layer.backward(x.view(), grad_y.view(), grad_x.view());
    }
    const auto mask = layer.mask();
    bits.insert(bits.end(), mask.words, mask.words + mask.rows * mask.words_per_row);
    add(y.view()), add(grad_x.view());
    layer.for_each_parameter([&](const auto& p) { add(p.grad), add(p.value); });
    optimizer.step(parameters_of(layer));
  }
  return bits;
}
template <class Layer>
void check_threads(Shape shape, index_t tokens) {
  CAPTURE(shape.in);
  CAPTURE(shape.out);
  CAPTURE(tokens);
  using Backend = typename Layer::backend;
  for (double dense_above_density : {0.0, 1.0}) {
    CAPTURE(dense_above_density);
    const auto one = trail<Layer>(shape, tokens, dense_above_density, Backend{1});
    for (int threads : {2, 3, 4})
      for (int attempt = 0; attempt < 2; ++attempt)  // which thread takes which part differs from time to time
        CHECK(trail<Layer>(shape, tokens, dense_above_density, Backend{threads}) == one);
  }
}

using Plain = SparseLinear<float>::with<TrainedBias>;
using Parts = Plain::with<InParts<EigenCpu>>;

TEST_CASE_TEMPLATE("PST has the same bits for 1 to 4 threads", Layer, Plain, Plain::with<double>) {
  for (Shape shape : {Shape{67, 130}, Shape{1, 65}, Shape{33, 1}}) {
    check_threads<Layer>(shape, 65);
    check_threads<Layer>(shape, 3);
  }
  check_threads<Layer>({270, 299}, 9);
  check_threads<Layer>({67, 130}, 140);
  check_threads<Layer>({130, 67}, 129);
}
TEST_CASE_TEMPLATE("other policies have the same bits for 1 to 4 threads", Layer, Parts,
                   Parts::with<Movement>::with<Full>::with<PerRow>,
                   Parts::with<SoftMovement>::with<Frozen>::with<Threshold>::with<MaskedGradient>,
                   Parts::with<Columns>::with<DenseGradient>, Parts::with<Block<3, 5>>, Parts::with<Rows>,
                   Parts::with<EnergyRank>::with<LinearSchedule>) {
  check_threads<Layer>({67, 41}, 65);
  check_threads<Layer>({67, 41}, 3);
}

TEST_CASE_TEMPLATE("with scores or masks at rest, layers have the same bits for 1 to 4 threads", Layer,
                   Plain::with<ScoreEveryKthStep>, Plain::with<double>::with<ScoreTokenSample>,
                   Parts::with<ScoreTokenSample>::with<RefreshUntil>,
                   Parts::with<ScoreRestAfter>::with<RefreshEveryKthStep>,
                   Plain::with<ScoreEveryKthStep>::with<MaskedGradient>::with<RefreshEveryKthStep>) {
  for (index_t tokens : {3, 65}) check_threads<Layer>({67, 41}, tokens);
  check_threads<Layer>({270, 299}, 9);
  check_threads<Layer>({600, 17}, 66);
}

/// A loop of threads that are made for it, each with a fixed share of the parts.
void on_new_threads(int count, const pst::Parts& parts) {
  std::vector<std::thread> threads;
  for (int slot = 0; slot < count; ++slot)
    threads.emplace_back([&, slot] {
      for (index_t i = slot; i < parts.count(); i += count) parts(i, slot);
    });
  for (std::thread& thread : threads) thread.join();
}
#ifdef _OPENMP
void on_threads_of_openmp(int count, const pst::Parts& parts) {
#pragma omp parallel for schedule(dynamic) num_threads(count)
  for (index_t i = 0; i < parts.count(); ++i) parts(i, omp_get_thread_num());
}
#endif
TEST_CASE("on the threads of the engine, a layer has the bits that it has on those of the process") {
  constexpr Shape shape{270, 299};
  constexpr index_t tokens = 40;
  for (double dense_above_density : {0.0, 1.0}) {
    CAPTURE(dense_above_density);
    const auto trail_on = [&](const EigenCpu& on) { return trail<Plain>(shape, tokens, dense_above_density, on); };
    const auto expected = trail_on(EigenCpu{1});
    for (int threads : {2, 3}) {
      CAPTURE(threads);
      const auto check_loop = [&](void (*loop)(int, const pst::Parts&)) {
        CHECK(trail_on({threads, [=](const pst::Parts& parts) { loop(threads, parts); }}) == expected);
      };
      CHECK(trail_on(EigenCpu{threads}) == expected);
      check_loop(on_new_threads);
#ifdef _OPENMP
      check_loop(on_threads_of_openmp);
#endif
      Team team{threads};
      std::vector<std::thread> helpers;
      for (int i = 1; i < threads; ++i) helpers.emplace_back([&team, i] { team.work(i, [] {}); });
      team.work(0, [&] { CHECK(trail_on({threads, std::ref(team)}) == expected); });
      for (std::thread& helper : helpers) helper.join();
    }
  }
}

}  // namespace
}  // namespace pst::test
