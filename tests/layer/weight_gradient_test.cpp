// SPDX-License-Identifier: Apache-2.0
#include "pst/layer/weight_gradient.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "support/posed_layer.hpp"

namespace pst::test {
namespace {

/// Scores that never learn.
struct AlwaysRest {
  using role = roles::score_gradient;
  [[nodiscard]] constexpr ScoreLearning at(double, std::uint64_t, std::uint64_t) const { return {.learns = false}; }
};
/// Scores that learn from the same tokens in every step.
struct FixedTokens {
  using role = roles::score_gradient;
  index_t stride = 1, first = 0;
  [[nodiscard]] constexpr ScoreLearning at(double, std::uint64_t, std::uint64_t) const {
    return {.token_stride = stride, .first_token = first};
  }
};
static_assert(ScoreGradientPolicy<AlwaysRest> && ScoreGradientPolicy<FixedTokens>);

template <class T, class Rule, class ScoreGradient>
using LayerWith = typename PstLayer<T, Rule>::template with<ScoreGradient>;

std::vector<Case> gradient_cases() {
  return {{{1, 1}, 1, 1, 1, 0.0},     {{1, 23}, 3, 2, 5, 0.5},    {{23, 1}, 3, 5, 2, 0.5},
          {{7, 5}, 0, 3, 2, 0.5},     {{65, 33}, 65, 2, 40, 0.9}, {{31, 29}, 64, 31, 3, 0.7},
          {{300, 17}, 16, 3, 4, 0.7}, {{257, 9}, 33, 9, 4, 0.9},  {{520, 20}, 130, 3, 4, 0.9},
          {{20, 300}, 17, 4, 4, 0.8}};
}
constexpr double dense_always = -1.0, compressed_always = 1.0;

/// One step with the score rule `tokens` says, against the oracle.
template <class Layer>
void check_step(const Case& now, oracle::Rule rule, oracle::ScoreTokens tokens, typename Layer::Options options) {
  CAPTURE(now.shape.in);
  CAPTURE(now.shape.out);
  CAPTURE(now.tokens);
  CAPTURE(tokens.stride);
  CAPTURE(tokens.first);
  CAPTURE(options.dense_above_density);
  Posed<Layer> posed{now, rule, options};
  posed.layer.begin_step(1, 2);
  posed.pass();
  posed.check(tokens);
}

TEST_CASE_TEMPLATE("while scores rest, the weight learns G where it is kept, and the scores nothing", T,
                   ReferenceDouble, PartsFloat) {
  const oracle::ScoreTokens rest{.any = false};
  for (const Case& now : gradient_cases())
    for (double above : {dense_always, compressed_always}) {
      // the score is detached: both rules are dW~ = G .* M
      check_step<LayerWith<T, ReferenceGradient, AlwaysRest>>(now, oracle::Rule::masked, rest,
                                                              {.dense_above_density = above});
      check_step<LayerWith<T, MaskedGradient, AlwaysRest>>(now, oracle::Rule::masked, rest,
                                                           {.dense_above_density = above});
    }
}
TEST_CASE_TEMPLATE("while scores rest, their gradients are exactly zero, and those of the weight are not", T,
                   ReferenceDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  for (double above : {dense_always, compressed_always}) {
    Posed<LayerWith<T, ReferenceGradient, AlwaysRest>> posed{
        {{300, 17}, 16, 3, 4, 0.7}, {}, {.dense_above_density = above}};
    posed.layer.begin_step(0, 1);
    posed.pass();
    posed.layer.for_each_parameter([](const auto& p) {
      CAPTURE(std::string{p.name});
      const HostMatrix<Scalar> zeros(p.grad.rows, p.grad.cols);
      CHECK((distance(p.grad, zeros.view()) == 0) == (p.group == ParameterGroup::score));
    });
  }
}
TEST_CASE_TEMPLATE("where pruned weights learn too, they do from every token", T, ReferenceDouble, PartsFloat) {
  for (const Case& now : gradient_cases())
    for (double above : {dense_always, compressed_always}) {
      check_step<LayerWith<T, DenseGradient, AlwaysRest>>(now, oracle::Rule::dense, {.any = false},
                                                          {.dense_above_density = above});
      check_step<LayerWith<T, DenseGradient, FixedTokens>>(
          now, oracle::Rule::dense, {.stride = 3, .first = 1},
          {.score_gradient = {.stride = 3, .first = 1}, .dense_above_density = above});
    }
}
TEST_CASE_TEMPLATE("scores learn from one token in so many, scaled, and the weight through the mask from all", T,
                   ReferenceDouble, PartsFloat) {
  for (const Case& now : gradient_cases())
    for (FixedTokens tokens : {FixedTokens{2, 0}, FixedTokens{7, 2}, FixedTokens{100, 99}})
      for (double above : {dense_always, compressed_always}) {
        const oracle::ScoreTokens sample{.stride = tokens.stride, .first = tokens.first};
        check_step<LayerWith<T, ReferenceGradient, FixedTokens>>(
            now, oracle::Rule::reference, sample, {.score_gradient = tokens, .dense_above_density = above});
        check_step<LayerWith<T, MaskedGradient, FixedTokens>>(now, oracle::Rule::masked, sample,
                                                              {.score_gradient = tokens, .dense_above_density = above});
      }
}
TEST_CASE_TEMPLATE("a penalty on the scores rests with them", T, ReferenceDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  using Soft = typename SparseLinear<Scalar>::template with<typename T::backend>::template with<
      SoftMovement>::template with<Threshold>::template with<ScoreEveryKthStep>;
  const auto weight = Draw{1}.template normal<Scalar>(9, 5);
  Soft layer{{.in = 5, .out = 9}, {.importance = {.penalty = 3}, .score_gradient = {.interval = 2}}};
  layer.attach(weight.view());
  for (int step = 0; step < 4; ++step) {
    layer.begin_step(step + 1, 8);
    CHECK((parameter_of(layer, "score.S").grad(8, 4) == 0) == (step % 2 == 1));
  }
}
TEST_CASE_TEMPLATE("over all offsets the mean of the sampled score gradients is the exact one", T, ReferenceDouble,
                   PartsFloat) {
  using Scalar = typename T::scalar;
  using Layer = LayerWith<T, MaskedGradient, FixedTokens>;
  for (index_t stride : {2, 3, 5})
    for (index_t tokens : {1, 2, 4, 19, 64}) {  // also fewer than the stride
      CAPTURE(stride);
      CAPTURE(tokens);
      std::vector<HostMatrix<Scalar>> exact, first;
      std::vector<oracle::Mat> mean;
      for (index_t offset = -1; offset < stride; ++offset) {  // -1: all tokens
        const FixedTokens from = offset < 0 ? FixedTokens{} : FixedTokens{stride, offset};
        Posed<Layer> posed{
            {{67, 30}, tokens, 3, 4, 0.8}, oracle::Rule::masked, {.score_gradient = from, .dense_above_density = 1.0}};
        posed.layer.begin_step(0, 1);
        posed.pass();
        const auto found = gradients_of(posed.layer);
        if (offset < 0) {
          exact = found;
          for (const auto& grad : found) mean.emplace_back(grad.rows(), grad.cols());
          continue;
        }
        if (offset == 0) first = found;
        for (std::size_t n = 0; n < found.size(); ++n)
          for (index_t r = 0; r < found[n].rows(); ++r)
            for (index_t c = 0; c < found[n].cols(); ++c)
              mean[n](r, c) += static_cast<double>(found[n](r, c)) / static_cast<double>(stride);
        // what the weight and the bias learn does not depend on the sample: U and V come first, the bias last
        CHECK(distance(found[0], first[0]) == 0);
        CHECK(distance(found[1], first[1]) == 0);
        CHECK(distance(found.back(), first.back()) == 0);
      }
      REQUIRE(exact.size() == 7);
      for (std::size_t n = 0; n < exact.size(); ++n) CHECK(distance(exact[n], mean[n]) <= tolerances<Scalar>::value);
    }
}
TEST_CASE_TEMPLATE("a sample that has none of the tokens teaches the scores nothing", T, ReferenceFloat, PartsFloat) {
  Posed<LayerWith<T, ReferenceGradient, FixedTokens>> posed{
      {{67, 30}, 3, 3, 4, 0.8}, {}, {.score_gradient = {8, 5}, .dense_above_density = 1.0}};
  posed.layer.begin_step(0, 1);
  posed.pass();
  posed.check({.any = false});
  posed.layer.for_each_parameter([](const auto& p) {
    if (p.group == ParameterGroup::score)
      CHECK(distance(p.grad, HostMatrix<float>(p.grad.rows, p.grad.cols).view()) == 0);
  });
}
TEST_CASE_TEMPLATE("gradients of micro-batches at kept weights add up to the gradient of the whole batch", T,
                   ReferenceDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  using Layer = LayerWith<T, ReferenceGradient, AlwaysRest>;
  const Case now{{67, 30}, 70, 3, 4, 0.8};
  Posed<Layer> whole{now}, two{now};
  whole.layer.begin_step(0, 1), two.layer.begin_step(0, 1);
  whole.pass();
  const auto x = std::as_const(two.own_x).view(), grad_y = std::as_const(two.own_grad_y).view();
  two.layer.backward(x.middle_rows(0, 3), grad_y.middle_rows(0, 3));
  two.layer.backward(x.middle_rows(3, 67), grad_y.middle_rows(3, 67));
  const auto sum = gradients_of(two.layer), expected = gradients_of(whole.layer);
  for (std::size_t n = 0; n < sum.size(); ++n) CHECK(distance(sum[n], expected[n]) <= tolerances<Scalar>::value);
}
TEST_CASE_TEMPLATE("a weight trained in place learns where it is kept alone while scores rest", T, ReferenceDouble,
                   PartsFloat) {
  using Scalar = typename T::scalar;
  using Layer = typename SparseLinear<Scalar>::template with<typename T::backend>::template with<
      Movement>::template with<Full>::template with<ConstantSchedule>::template with<AlwaysRest>;
  const Shape shape{.in = 300, .out = 31};
  const auto x = Draw{2}.normal<Scalar>(7, shape.in), grad_y = Draw{3}.normal<Scalar>(7, shape.out);
  for (double above : {dense_always, compressed_always}) {
    auto weight = Draw{1}.normal<Scalar>(shape.out, shape.in, 4);
    Layer layer{shape, {.schedule = {.sparsity = 0.6}, .dense_above_density = above}};
    layer.attach(weight.view());
    assign(parameter_of(layer, "score.S").value, Draw{4}.normal<Scalar>(shape.out, shape.in));
    layer.begin_step(0, 1);
    layer.backward(x.view(), grad_y.view());
    const oracle::Problem problem{.weight = weight.template as<double>(), .magnitude = false};
    const auto truth = oracle::backward(problem, problem.weight, unpacked(layer.mask()), x.template as<double>(),
                                        grad_y.template as<double>());
    CHECK(distance(parameter_of(layer, "weight").grad, truth.weight.view()) <= tolerances<Scalar>::value);
    CHECK(distance(copy_of(parameter_of(layer, "score.S").grad), HostMatrix<Scalar>(shape.out, shape.in)) == 0);
  }
}
TEST_CASE_TEMPLATE("a layer that keeps nothing learns nothing while scores rest", T, ReferenceFloat, PartsFloat) {
  typename ScoredLayer<T, Threshold>::template with<LowRank<>>::template with<AlwaysRest> layer{
      {.in = 70, .out = 9}, {.selector = {.value = 1}}};
  const auto weight = Draw{1}.normal<float>(9, 70), x = Draw{2}.normal<float>(4, 70),
             grad_y = Draw{3}.normal<float>(4, 9);
  HostMatrix<float> grad_x(4, 70);
  layer.attach(weight.view());
  layer.begin_step(0, 1);
  REQUIRE(layer.kept() == 0);
  grad_x.fill(3);
  layer.backward(x.view(), grad_y.view(), grad_x.view());
  CHECK(distance(grad_x, HostMatrix<float>(4, 70)) == 0);
  for (const auto& grad : gradients_of(layer)) CHECK(distance(grad, HostMatrix<float>(grad.rows(), grad.cols())) == 0);
}
TEST_CASE_TEMPLATE("at kept weights too, NaN and Inf are refused wherever they are, and gradients are zero then", T,
                   ReferenceDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  constexpr Scalar nan = std::numeric_limits<Scalar>::quiet_NaN(), infinity = std::numeric_limits<Scalar>::infinity(),
                   most = std::numeric_limits<Scalar>::max();
  const auto check = [&]<class ScoreGradient>(ScoreGradient scores) {
    // inputs 0 and 1 and outputs 0 and 1 are pruned as a whole
    typename PstLayer<T>::template with<Threshold>::template with<ScoreGradient> layer{
        {.in = 10, .out = 20},
        {.selector = {.value = 0}, .score_gradient = scores, .name = "query", .dense_above_density = 1.0}};
    auto weight = Draw{3}.normal<Scalar>(20, 10);
    HostMatrix<Scalar> bias(1, 20), zeros(6, 10);
    layer.attach(weight.view(), bias.view());
    for (index_t n : {0, 1})
      parameter_of(layer, "score.R").value(n, 0) = parameter_of(layer, "score.C").value(0, n) = -99;
    layer.begin_step(0, 1);
    REQUIRE(layer.kept() == 18 * 8);
    HostMatrix<Scalar> x = Draw{4}.normal<Scalar>(6, 10), grad_y = Draw{5}.normal<Scalar>(6, 20), grad_x(6, 10),
                       threes = grad_x;
    threes.fill(3), grad_x.fill(3);
    const auto refused = [&] {
      const std::string text = error_of([&] { layer.backward(x.view(), grad_y.view(), grad_x.view()); });
      CHECK(distance(grad_x, threes) == 0);
      for (const auto& grad : gradients_of(layer))
        CHECK(distance(grad, HostMatrix<Scalar>(grad.rows(), grad.cols())) == 0);
      return text;
    };
    const Scalar good_x = x(5, 1), good_grad = grad_y(4, 0);
    x(5, 1) = nan;
    CHECK(refused() == "layer query: x is nan at row 5, column 1, expected finite numbers");
    x(5, 1) = good_x, grad_y(4, 0) = -infinity;
    CHECK(refused() == "layer query: grad_y is -inf at row 4, column 0, expected finite numbers");
    grad_y(4, 0) = good_grad, grad_y(3, 7) = nan;
    CHECK(refused() == "layer query: grad_y is nan at row 3, column 7, expected finite numbers");
    grad_y(3, 7) = 1;
    x(2, 9) = most, grad_y(2, 19) = most;
    CHECK(refused() == "layer query: grad_y^T x overflows; lower the scale of the loss");
    x(2, 9) = 1, grad_y(2, 19) = 1;
    layer.backward(x.view(), grad_y.view(), grad_x.view());
    CHECK(distance(grad_x, threes) > 0);
  };
  check(AlwaysRest{});
  check(FixedTokens{.stride = 3, .first = 1});
}
TEST_CASE_TEMPLATE("after a begin_step that was refused, backward still works, with the mask before", T, ReferenceFloat,
                   PartsFloat) {
  using Layer = LayerWith<T, ReferenceGradient, ScoreEveryKthStep>;
  Posed<Layer> posed{{{67, 30}, 5, 3, 4, 0.9}, {}, {.score_gradient = {.interval = 2}}};
  posed.layer.begin_step(0, 1);  // scores learn
  const auto mask = unpacked(posed.layer.mask());
  parameter_of(posed.layer, "score.R").value(0, 0) = std::numeric_limits<float>::quiet_NaN();
  CHECK(error_of([&] { posed.layer.begin_step(0, 1); }).find("score.R is nan") != std::string::npos);
  posed.put_factors();
  posed.pass();
  CHECK(unpacked(posed.layer.mask()) == mask);
}

}  // namespace
}  // namespace pst::test
