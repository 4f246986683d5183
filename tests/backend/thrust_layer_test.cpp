// SPDX-License-Identifier: Apache-2.0
// Whole layers on Thrust, trained for a few steps next to the same layers on Reference. No header of Eigen is
// included: what a policy needs, the verbs give.
#include <doctest/doctest.h>

#include <span>
#include <string>
#include <vector>

#include "pst/backend/reference.hpp"
#include "pst/backend/thrust.hpp"
#include "pst/bias/trained_bias.hpp"
#include "pst/delta/frozen.hpp"
#include "pst/delta/full.hpp"
#include "pst/delta/gated.hpp"
#include "pst/delta/projected.hpp"
#include "pst/delta/row_scaled.hpp"
#include "pst/importance/movement.hpp"
#include "pst/importance/soft_movement.hpp"
#include "pst/layer/sparse_linear.hpp"
#include "pst/layer/together.hpp"
#include "pst/rank/energy_rank.hpp"
#include "pst/refresh/refresh_every_kth_step.hpp"
#include "pst/refresh/refresh_until.hpp"
#include "pst/schedule/constant_schedule.hpp"
#include "pst/score_gradient/score_every_kth_step.hpp"
#include "pst/score_gradient/score_rest_after.hpp"
#include "pst/score_gradient/score_token_sample.hpp"
#include "pst/selector/block.hpp"
#include "pst/selector/columns.hpp"
#include "pst/selector/global_top_k.hpp"
#include "pst/selector/n_of_m.hpp"
#include "pst/selector/per_row.hpp"
#include "pst/selector/rows.hpp"
#include "pst/selector/threshold.hpp"
#include "pst/straight_through/dense_gradient.hpp"
#include "pst/straight_through/masked_gradient.hpp"
#include "support/host_matrix.hpp"
#include "support/tolerances.hpp"

namespace pst::test {
namespace {

template <class Layer, class... Policies>
struct WithEach {
  using type = Layer;
};
template <class Layer, class First, class... Rest>
struct WithEach<Layer, First, Rest...> : WithEach<typename Layer::template with<First>, Rest...> {};

/// PST on a backend, with some of its policies replaced.
template <class Backend, class Scalar, class... Policies>
using LayerOn =
    typename WithEach<SparseLinear<Scalar, Pst, LowRank<>, TopK, CubicSchedule, ReferenceGradient, FrozenBias, Backend>,
                      Policies...>::type;

/// A layer with its own weight, bias and results.
template <class Layer>
struct Trained {
  using Scalar = typename Layer::scalar;
  Trained(Shape shape, index_t tokens, typename Layer::Options options, typename Layer::backend on, Draw draw)
      : weight{draw.normal<Scalar>(shape.out, shape.in, 3)},
        bias{draw.normal<Scalar>(1, shape.out)},
        y(tokens, shape.out, 2),
        grad_x(tokens, shape.in, 1),
        masked(shape.out, shape.in, 2),
        layer{shape, options, on} {
    layer.attach(weight.view(), bias.view());
  }
  void pass(const HostMatrix<Scalar>& x, const HostMatrix<Scalar>& grad_y) {
    layer.forward(x.view(), y.view());
    layer.backward(x.view(), grad_y.view(), grad_x.view());
  }
  void move_parameters() {
    layer.for_each_parameter([](const auto& p) {
      for (index_t r = 0; r < p.value.rows; ++r)
        for (index_t c = 0; c < p.value.cols; ++c) p.value(r, c) -= static_cast<Scalar>(1e-3) * p.grad(r, c);
    });
  }

  HostMatrix<Scalar> weight, bias, y, grad_x, masked;
  Layer layer;
};

/// Same mask, and everything else near by.
template <class Found, class Expected>
void check_agreement(Found& found, Expected& expected, double near) {
  const MaskView<const mask_word> mask = found.layer.mask(), truth = expected.layer.mask();
  bool same = true;
  for (index_t w = 0; w < truth.rows * truth.words_per_row; ++w) same = same && mask.words[w] == truth.words[w];
  CHECK(same);
  CHECK(found.layer.kept() == expected.layer.kept());
  CHECK(distance(found.y, expected.y) <= near);
  CHECK(distance(found.grad_x, expected.grad_x) <= near);
  found.layer.export_masked(found.masked.view());
  expected.layer.export_masked(expected.masked.view());
  CHECK(distance(found.masked, expected.masked) <= near);
  using Scalar = typename Found::Scalar;
  std::vector<Parameter<Scalar>> wanted = parameters_of(expected.layer), have = parameters_of(found.layer);
  REQUIRE(have.size() == wanted.size());
  for (std::size_t i = 0; i < have.size(); ++i) {
    CAPTURE(std::string{wanted[i].name});
    CHECK(have[i].name == wanted[i].name);
    CHECK(distance(have[i].value, wanted[i].value) <= near);
    CHECK(distance(have[i].grad, wanted[i].grad) <= near);
  }
}

/// One step of the mask, two micro-batches, one step of the parameters; from a dense weight to a sparsity of 0.9.
template <class Scalar, class... Policies>
void compare(index_t block_elements, auto&& set_options) {
  using Found = LayerOn<ThrustCpp, Scalar, Policies...>;
  using Expected = LayerOn<Reference, Scalar, Policies...>;
  for (const Shape shape : {Shape{36, 21}, Shape{68, 9}, Shape{4, 50}, Shape{8, 1}, Shape{520, 3}}) {
    const index_t tokens = 7;
    CAPTURE(shape.in);
    CAPTURE(shape.out);
    CAPTURE(block_elements);
    typename Found::Options found_options;
    typename Expected::Options expected_options;
    set_options(found_options), set_options(expected_options);
    Draw draw{21};
    Trained<Found> found{shape, tokens, found_options, ThrustCpp{.block_elements = block_elements}, draw};
    Trained<Expected> expected{shape, tokens, expected_options, Reference{}, draw};
    for (const int step : {0, 3, 5, 10}) {
      CAPTURE(step);
      found.layer.begin_step(step, 10);
      expected.layer.begin_step(step, 10);
      for (int batch = 0; batch < 2; ++batch) {
        const auto x = draw.normal<Scalar>(tokens, shape.in, 3), grad_y = draw.normal<Scalar>(tokens, shape.out, 1);
        found.pass(x, grad_y);
        expected.pass(x, grad_y);
      }
      check_agreement(found, expected, tolerances<Scalar>::value);
      found.move_parameters();
      expected.move_parameters();
    }
  }
}

/// With one block of rows a layer does the arithmetic of Reference; compilers fuse multiplications and additions in one
/// and not in the other (measured: 0 in float, 5e-16 in double). With more blocks, sums over the rows of the weight
/// (grad_x, the gradients of V, B and C) are rounded to the scalar once for each block (measured: 3e-7 and 8e-16).
template <class Scalar, class... Policies>
void compare(auto&& set_options) {
  compare<Scalar, Policies...>(ThrustCpp{}.block_elements, set_options);
  compare<Scalar, Policies...>(100, set_options);
}
constexpr auto as_they_are = [](auto&) {};

TEST_CASE_TEMPLATE("on Thrust, PST learns what it learns on Reference", T, float, double) {
  compare<T>(as_they_are);
  compare<T, EnergyRank>(as_they_are);
  compare<T, DenseGradient, Frozen>(as_they_are);
}

TEST_CASE("on Thrust, other metrics and deltas learn what they learn on Reference") {
  using T = float;
  compare<T, Movement, Full, TrainedBias>(as_they_are);
  compare<T, SoftMovement, Threshold, Full>([](auto& options) {
    options.importance.initial_score = 0;
    options.importance.penalty = 0.1;
  });
  compare<T, Magnitude, Gated, MaskedGradient>([](auto& options) {
    options.delta.first_gate = 0.5;
    options.schedule.final_sparsity = 0.5;
  });
  compare<T, RowScaled<>, MaskedGradient>([](auto& options) { options.schedule.final_sparsity = 0.5; });
}

TEST_CASE("on Thrust, scores and masks at rest give what they give on Reference") {
  using T = double;
  compare<T, ScoreEveryKthStep, RefreshEveryKthStep>([](auto& options) {
    options.score_gradient.interval = 2;
    options.refresh.interval = 3;
    options.dense_above_density = 1;
  });
  compare<T, ScoreTokenSample, RefreshUntil>([](auto& options) { options.dense_above_density = 1; });
  compare<T, ScoreRestAfter>([](auto& options) { options.score_gradient.progress = 0.2; });
  compare<T, ScoreRestAfter, DenseGradient>([](auto& options) { options.score_gradient.progress = 0.2; });
}

TEST_CASE("on Thrust, layers that share a vector learn what they learn on Reference") {
  using T = float;
  const auto compare_shared = [](Shape shape, index_t dimension) {
    ThrustCpp thrust{.block_elements = 100};
    Reference reference;
    IntrinsicVector<ThrustCpp, T> found_vector{thrust, dimension, 5};
    IntrinsicVector<Reference, T> expected_vector{reference, dimension, 5};
    using Found = LayerOn<ThrustCpp, T, Magnitude, Projected<ThrustCpp, T>, MaskedGradient>;
    using Expected = LayerOn<Reference, T, Magnitude, Projected<Reference, T>, MaskedGradient>;
    Draw draw{21};
    Trained<Found> found{shape, 7, {.delta = {&found_vector, true}, .seed = 3, .name = "x"}, thrust, draw};
    Trained<Expected> expected{shape, 7, {.delta = {&expected_vector, true}, .seed = 3, .name = "x"}, reference, draw};
    for (const int step : {0, 5, 10}) {
      found_vector.shared().zero_gradients(thrust), expected_vector.shared().zero_gradients(reference);
      found.layer.begin_step(step, 10), expected.layer.begin_step(step, 10);
      const auto x = draw.normal<T>(7, shape.in), grad_y = draw.normal<T>(7, shape.out);
      found.pass(x, grad_y), expected.pass(x, grad_y);
      check_agreement(found, expected, tolerances<T>::value);
      CHECK(distance(found_vector.shared().grad(), expected_vector.shared().grad()) <= tolerances<T>::value);
      const auto z = draw.normal<T>(1, dimension, 0, 0.1);
      for (index_t c = 0; c < dimension; ++c)
        found_vector.shared().value()(0, c) = expected_vector.shared().value()(0, c) = z(0, c);
    }
  };
  compare_shared({36, 21}, 20);
  compare_shared({520, 3}, 7);
  compare_shared({4, 5}, 40);
}

TEST_CASE("on Thrust, every selector prunes what it prunes on Reference") {
  compare<float, PerRow>(as_they_are);
  compare<float, NofM<2, 4>>(as_they_are);
  compare<float, Block<4, 3>>(as_they_are);
  compare<float, Rows>(as_they_are);
  compare<float, Columns>(as_they_are);
  compare<float, GlobalTopK>(as_they_are);
}

TEST_CASE("on Thrust, equal scores are pruned in row-major order across blocks of rows") {
  using T = double;
  const Shape shape{10, 12};
  using Layer = LayerOn<ThrustCpp, T, Magnitude, Frozen, ConstantSchedule>;
  Layer layer{shape, {.schedule = {.sparsity = 0.5}}, ThrustCpp{.block_elements = 30}};
  HostMatrix<T> weight(shape.out, shape.in, 3);
  weight.fill(1);
  layer.attach(weight.view());
  layer.begin_step(1, 1);
  for (index_t r = 0; r < shape.out; ++r)
    for (index_t c = 0; c < shape.in; ++c) CHECK(layer.mask()(r, c) == (r * shape.in + c >= shape.size() / 2));
}

TEST_CASE("on Thrust, layers share one budget as they share it on Reference") {
  using T = float;
  using Found = LayerOn<ThrustCpp, T, GlobalTopK>;
  using Expected = LayerOn<Reference, T, GlobalTopK>;
  const Shape small{24, 10}, large{40, 30};
  const ThrustCpp on{.block_elements = 100};
  Trained<Found> found_a{small, 3, {}, on, Draw{1}}, found_b{large, 3, {}, on, Draw{2}};
  Trained<Expected> expected_a{small, 3, {}, {}, Draw{1}}, expected_b{large, 3, {}, {}, Draw{2}};
  for (const int step : {0, 2, 5}) {
    begin_step_together(std::span<Found* const>{std::vector{&found_a.layer, &found_b.layer}}, step, 5);
    begin_step_together(std::span<Expected* const>{std::vector{&expected_a.layer, &expected_b.layer}}, step, 5);
    check_agreement(found_a, expected_a, tolerances<T>::value);
    check_agreement(found_b, expected_b, tolerances<T>::value);
  }
}

TEST_CASE("on Thrust, what was saved on Reference goes on from there") {
  const Shape shape{20, 15};
  Trained<LayerOn<Reference, float>> first{shape, 5, {}, {}, Draw{3}};
  Trained<LayerOn<ThrustCpp, float>> second{shape, 5, {.seed = 9}, {}, Draw{3}};
  first.layer.begin_step(1, 1);
  second.layer.restore(first.layer.save());
  check_agreement(second, first, 0);
}

}  // namespace
}  // namespace pst::test
