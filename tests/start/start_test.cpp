// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <type_traits>
#include <vector>

#include "pst/core/random.hpp"
#include "pst/optim/adamw.hpp"
#include "pst/start/kaiming_start.hpp"
#include "pst/start/normal_start.hpp"
#include "pst/start/per_weight_start.hpp"
#include "support/layer_tools.hpp"

namespace pst::test {
namespace {

/// LoRA in double with a start of its own, a rank set at run time, and no pruning.
template <class Start>
using Unpruned = SparseLinear<double, Magnitude, LowRank<DynamicRank, Start>, TopK, ConstantSchedule, MaskedGradient,
                              FrozenBias, EigenCpu>;

static_assert(std::is_same_v<SparseLinear<>::with<PerWeightStart>,
                             SparseLinear<float, Sum<Magnitude, LowRankScore<Rank<8>, PerWeightStart>, RowColumnScore>,
                                          LowRank<Rank<8>, PerWeightStart>>>);
static_assert(std::is_same_v<SparseLinear<>::with<KaimingStart>::with<Rank<4>>,
                             SparseLinear<>::with<Rank<4>>::with<KaimingStart>>);
static_assert(std::is_same_v<SparseLinear<>::with<NormalStart>, SparseLinear<>>);

double rms(MatrixView<const double> view) {
  double sum = 0;
  for (index_t r = 0; r < view.rows; ++r)
    for (index_t c = 0; c < view.cols; ++c) sum += view(r, c) * view(r, c);
  return std::sqrt(sum / static_cast<double>(view.size()));
}

/// The factors of a product after a start.
struct Started {
  HostMatrix<double> left, right;
};
template <class Start>
Started started(const Start& start, Shape shape, index_t rank, double scale) {
  Reference on;
  Started made{HostMatrix<double>(shape.out, rank), HostMatrix<double>(rank, shape.in)};
  start.write(on, UnstartedFactors<MatrixView<double>>{made.left.view(), made.right.view(), scale, 7});
  return made;
}

/// The root of the mean square of what the first step of Adam moves the weight by, as a multiple of its rate.
template <class Start>
double first_step(Shape shape, index_t rank, double scale) {
  constexpr double rate = 1e-3;
  const auto weight = Draw{1}.normal<double>(shape.out, shape.in);
  Unpruned<Start> layer{shape, {.delta = {scale, {rank}}, .schedule = {.sparsity = 0}}};
  layer.attach(weight.view());
  layer.begin_step(1, 10);
  const auto x = Draw{2}.normal<double>(40, shape.in), grad_y = Draw{3}.normal<double>(40, shape.out);
  layer.backward(x.view(), grad_y.view());
  AdamW<double> adam{{.learning_rate = rate, .epsilon = 1e-30}};
  std::vector<Parameter<double>> parameters;
  layer.for_each_parameter([&](const auto& parameter) { parameters.push_back(parameter); });
  adam.step(parameters);
  layer.refresh(0.5);
  HostMatrix<double> moved(shape.out, shape.in);
  layer.export_masked(moved.view());
  for (index_t r = 0; r < shape.out; ++r)
    for (index_t c = 0; c < shape.in; ++c) moved(r, c) -= weight(r, c);
  return rms(moved.view()) / rate;
}

TEST_CASE("a normal start is that of PST, in every bit") {
  const Started made = started(NormalStart{}, {.in = 5, .out = 7}, 3, 2.0);
  const NormalMatrix expected{NormalAt{7}, 3};
  for (index_t r = 0; r < 7; ++r)
    for (index_t c = 0; c < 3; ++c) CHECK(made.left(r, c) == expected(r, c));
  CHECK(rms(made.right.view()) == 0);
}

TEST_CASE("a scale so small that the factors would overflow is refused") {
  CHECK(error_of([] { started(PerWeightStart{}, {.in = 4, .out = 4}, 2, 1e-31); }) ==
        "the scale of a low-rank product is 1e-31, expected 0 or at least 1e-30 for factors that start per weight");
  CHECK(std::isfinite(rms(started(PerWeightStart{}, {.in = 4, .out = 4}, 2, 1e-30).left.view())));
}

TEST_CASE("starts have the deviations that they say, and a product of zero") {
  const Shape shape{.in = 400, .out = 600};
  for (const index_t rank : {4, 8, 32})
    for (const double scale : {1.0, -0.25}) {
      const double sampling = 4.0 / std::sqrt(static_cast<double>(shape.in * rank));  // four standard errors
      const Started weight = started(PerWeightStart{}, shape, rank, scale);
      CHECK(rms(weight.left.view()) * std::abs(scale) * std::sqrt(static_cast<double>(rank)) ==
            doctest::Approx(1.0).epsilon(sampling));
      CHECK(rms(weight.right.view()) == 0);
      const Started lora = started(KaimingStart{}, shape, rank, scale);
      CHECK(rms(lora.right.view()) == doctest::Approx(1.0 / std::sqrt(3.0 * 400.0)).epsilon(sampling));
      CHECK(rms(lora.left.view()) == 0);
      double largest = 0;
      for (index_t r = 0; r < rank; ++r)
        for (index_t c = 0; c < shape.in; ++c) largest = std::max(largest, std::abs(lora.right(r, c)));
      CHECK(largest <= 1.0 / std::sqrt(400.0));
    }
}

TEST_CASE("a scale of zero has a start, since its factors do nothing") {
  CHECK(std::isfinite(rms(started(PerWeightStart{}, {.in = 5, .out = 7}, 3, 0.0).left.view())));
}

TEST_CASE("the first step of Adam moves a weight by its rate, for every rank, width and scale") {
  for (const Shape shape : {Shape{.in = 96, .out = 128}, Shape{.in = 130, .out = 300}})
    for (const index_t rank : {4, 8, 32})
      for (const double scale : {1.0, 0.5}) {
        const auto ranks = static_cast<double>(rank), out = static_cast<double>(shape.out);
        const auto in = static_cast<double>(shape.in);
        // The random side has a part that agrees with the gradient: of a normal number and its sign, sqrt(2 / pi).
        const double agreeing = std::sqrt(1.0 + 2.0 / std::numbers::pi * (ranks - 1) / out);
        const double agreeing_in = std::sqrt(1.0 + 2.0 / std::numbers::pi * (ranks - 1) / in);
        CHECK(first_step<PerWeightStart>(shape, rank, scale) == doctest::Approx(agreeing).epsilon(0.03));
        CHECK(first_step<NormalStart>(shape, rank, scale) ==
              doctest::Approx(scale * std::sqrt(ranks) * agreeing).epsilon(0.03));
        CHECK(first_step<KaimingStart>(shape, rank, scale) ==
              doctest::Approx(scale * std::sqrt(ranks / (3.0 * in)) * agreeing_in).epsilon(0.03));
      }
}

TEST_CASE_TEMPLATE("every backend starts with the same numbers", T, ReferenceFloat, EigenFloat, EigenDouble) {
  using Scalar = typename T::scalar;
  const auto start = []<class On>(On) {
    using Number = typename On::scalar;
    const auto weight = Draw{1}.normal<Number>(20, 30);
    SparseLinear<Number, Sum<Magnitude, LowRankScore<Rank<3>, PerWeightStart>>, LowRank<Rank<2>, KaimingStart>, TopK,
                 CubicSchedule, ReferenceGradient, FrozenBias, typename On::backend>
        layer{{.in = 30, .out = 20}, {.name = "one"}};
    layer.attach(weight.view());
    std::vector<Scalar> values;
    layer.for_each_parameter([&](const auto& parameter) {
      const auto copy = copy_of(parameter.value);
      for (index_t r = 0; r < copy.rows(); ++r)
        for (index_t c = 0; c < copy.cols(); ++c) values.push_back(static_cast<Scalar>(copy(r, c)));
    });
    return values;
  };
  CHECK(start(T{}) == start(ReferenceDouble{}));
}

}  // namespace
}  // namespace pst::test
